"""A WebSocket client (RFC 6455) as small as a measurement needs: text messages, no extensions, non-blocking reads."""
import base64
import os
import socket
import struct
import time

CONTINUATION, TEXT, CLOSE, PING, PONG = 0, 1, 8, 9, 10


class WebSocket:
    def __init__(self, host, port, path, headers=(), connect=socket.create_connection):
        self.socket = connect((host, port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines = [
            f"GET {path} HTTP/1.1", f"Host: {host}:{port}", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: weir.v1",
            "Sec-WebSocket-Key: " + base64.b64encode(os.urandom(16)).decode(), *headers, "", ""]
        self.socket.sendall("\r\n".join(lines).encode())
        self.input, self.message = bytearray(), bytearray()
        while b"\r\n\r\n" not in self.input:
            self._receive()
        head, _, rest = bytes(self.input).partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101 "):
            raise SystemExit(f"no WebSocket at {path}: {head.decode(errors='replace').splitlines()[0]}")
        self.input = bytearray(rest)
        self.socket.setblocking(False)

    def fileno(self):
        return self.socket.fileno()

    def _receive(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise ConnectionError("the server closed the WebSocket")
        self.input += data

    def send(self, text):
        self._send_frame(TEXT, text.encode())

    def _send_frame(self, opcode, payload):
        mask = os.urandom(4)
        if len(payload) < 126:
            head = struct.pack(">BB", 0x80 | opcode, 0x80 | len(payload))
        else:
            head = struct.pack(">BBH", 0x80 | opcode, 0x80 | 126, len(payload))
        self.socket.sendall(head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload)))

    def messages(self):
        """All text messages that are there, each with the time its last bytes were read."""
        try:
            self._receive()
        except BlockingIOError:
            return []
        received = time.monotonic()
        found = []
        while (frame := self._next_frame()) is not None:
            opcode, final, payload = frame
            if opcode in (TEXT, CONTINUATION):
                self.message += payload
                if final:
                    found.append((received, bytes(self.message)))
                    self.message.clear()
            elif opcode == PING:
                self._send_frame(PONG, payload)
            elif opcode == CLOSE:
                code = struct.unpack(">H", payload[:2])[0] if len(payload) >= 2 else 1005
                raise ConnectionError(f"closed with {code} {payload[2:].decode(errors='replace')}")
        return found

    def _next_frame(self):
        data = self.input
        if len(data) < 2:
            return None
        length, start = data[1] & 0x7F, 2
        if length == 126:
            start = 4
            if len(data) < start:
                return None
            length = struct.unpack_from(">H", data, 2)[0]
        elif length == 127:
            start = 10
            if len(data) < start:
                return None
            length = struct.unpack_from(">Q", data, 2)[0]
        if len(data) < start + length:
            return None
        opcode, final = data[0] & 0x0F, data[0] & 0x80 != 0
        payload = bytes(data[start:start + length])
        del data[:start + length]
        return opcode, final, payload

    def close(self):
        self.socket.close()
