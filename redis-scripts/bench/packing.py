"""Records as RecordCodec.swift and SketchCodec.swift write them, and msgpack, as far as merge.py needs them."""
import math
import struct

LOG_GAMMA = math.log(1.01 / 0.99)
COUNTER, RATIO, DISTRIBUTION = 1, 2, 3


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def zigzag(number):
    return varint(number * 2 if number >= 0 else -number * 2 - 1)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def varint(self):
        number, shift = 0, 0
        while True:
            byte = self.byte()
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number
            shift += 7

    def zigzag(self):
        number = self.varint()
        return -(number + 1) // 2 if number & 1 else number // 2

    def double(self):
        self.at += 8
        return struct.unpack_from("<d", self.data, self.at - 8)[0]


class Record:
    """A counter, a ratio and a distribution over the same positive values."""

    def __init__(self):
        self.counts = {COUNTER: 0, RATIO: 0, DISTRIBUTION: 0}
        self.hits, self.total, self.low, self.high, self.bins = 0, 0.0, math.inf, -math.inf, {}

    def copy(self):
        other = Record()
        other.merge(self)
        return other

    def add(self, value, hit):
        for metric in self.counts:
            self.counts[metric] += 1
        self.hits += hit
        self.total += value
        self.low, self.high = min(self.low, value), max(self.high, value)
        index = math.ceil(math.log(value) / LOG_GAMMA)
        self.bins[index] = self.bins.get(index, 0) + 1

    def merge(self, other):
        for metric, count in other.counts.items():
            self.counts[metric] += count
        self.hits += other.hits
        self.total += other.total
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        for index, count in other.bins.items():
            self.bins[index] = self.bins.get(index, 0) + count

    def equals(self, other):
        """Equal to the bit, but for the sum, which depends on the order of addition."""
        return (self.counts, self.hits, self.low, self.high, self.bins) == (
            other.counts, other.hits, other.low, other.high, other.bins
        ) and math.isclose(self.total, other.total, rel_tol=1e-9)

    def encoded(self):
        n = self.counts[DISTRIBUTION]
        out = bytearray(bytes((COUNTER, 0)) + varint(self.counts[COUNTER]))
        out += bytes((RATIO, 4 if self.hits else 0)) + varint(self.counts[RATIO])
        if self.hits:
            out += varint(self.hits)
        out += bytes((DISTRIBUTION, 16 + (1 if n == 1 else 3))) + varint(n)
        out += struct.pack("<d", self.total) if n == 1 else struct.pack("<ddd", self.total, self.low, self.high)
        indices = sorted(self.bins)
        out += b"\x04" + varint(len(indices) - 1) + zigzag(indices[0])
        before = indices[0] - 1
        for index in indices:
            count = self.bins[index]
            out += varint((index - before - 1) * 2 + (count > 1))
            if count > 1:
                out += varint(count - 2)
            before = index
        return bytes(out)

    @classmethod
    def decoded(cls, data):
        record, reader = cls(), Reader(data)
        while reader.at < len(data):
            metric, flags, count = reader.varint(), reader.byte(), reader.varint()
            record.counts[metric] += count
            if flags & 4:
                record.hits += reader.varint()
            if flags & 3:
                total = reader.double()
                low, high = (total, total) if flags & 3 == 1 else (reader.double(), reader.double())
                record.total += total
                record.low, record.high = min(record.low, low), max(record.high, high)
            if flags & 16:
                assert reader.byte() == 4
                left, index = reader.varint(), 0
                index = reader.zigzag() - 1
                for _ in range(left + 1):
                    head = reader.varint()
                    index += (head >> 1) + 1
                    record.bins[index] = record.bins.get(index, 0) + (reader.varint() + 2 if head & 1 else 1)
        assert reader.at == len(data)
        return record


def pack(value):
    """msgpack of lists, texts, bytes and whole numbers, all lengths as MessagePack.swift writes them."""
    out = bytearray()
    append(value, out)
    return bytes(out)


def append(value, out):
    if isinstance(value, int):
        if 0 <= value < 128:
            out.append(value)
        elif 0 <= value < 1 << 16:
            out += struct.pack(">BH", 0xCD, value)
        elif 0 <= value < 1 << 32:
            out += struct.pack(">BI", 0xCE, value)
        else:
            out += struct.pack(">Bq", 0xD3, value)
    elif isinstance(value, list):
        out += struct.pack(">BI", 0xDD, len(value))
        for item in value:
            append(item, out)
    else:
        data = value.encode() if isinstance(value, str) else value
        if len(data) < 32:
            out.append(0xA0 | len(data))
        elif len(data) < 1 << 16:
            out += struct.pack(">BH", 0xDA, len(data))
        else:
            out += struct.pack(">BI", 0xDB, len(data))
        out += data
