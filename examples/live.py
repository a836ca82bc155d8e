#!/usr/bin/env python3
"""Follows a metric over Weir's live WebSocket and prints each bucket as it changes.

usage: live.py [METRIC [AGG]]        needs the package websockets (pip install websockets, or apt install python3-websockets)

WEIR_URL (http://127.0.0.1:8080) and WEIR_TOKEN say where and as whom. A lost connection is taken up again, after a random
time under a bound that doubles; the snapshot after it closes the gap.
"""
import asyncio
import json
import os
import random
import sys

import websockets


def address():
    url = os.environ.get("WEIR_URL", "http://127.0.0.1:8080").rstrip("/")
    return url.replace("http", "ws", 1) + "/api/v1/live"


async def follow(metric, aggregation):
    subscription = {
        "type": "subscribe", "id": "1", "metric": metric, "agg": [aggregation], "window": "1m", "step": "1s", "every": "250ms"}
    headers = {"Authorization": "Bearer " + os.environ["WEIR_TOKEN"]} if "WEIR_TOKEN" in os.environ else {}
    async with websockets.connect(address(), subprotocols=["weir.v1"], additional_headers=headers) as socket:
        await socket.send(json.dumps(subscription))
        async for text in socket:
            message = json.loads(text)
            if message["type"] == "error":
                raise SystemExit(message["detail"])
            # A snapshot holds all buckets, an update those that changed, each with its whole new value.
            for series in message.get("series", []):
                for time, value in zip(series["t"], series[aggregation]):
                    print(message["type"], time, series["labels"], value, flush=True)


async def main(metric="events", aggregation="count"):
    attempt = 0
    while True:
        try:
            await follow(metric, aggregation)
            attempt = 0
        except websockets.InvalidStatus as refused:
            raise SystemExit(f"the server refused: {refused}") from refused
        except (OSError, websockets.ConnectionClosed) as lost:
            print(f"lost: {lost}", file=sys.stderr)
        await asyncio.sleep(random.uniform(0, min(30, 0.5 * 2**attempt)))
        attempt += 1


try:
    asyncio.run(main(*sys.argv[1:3]))
except KeyboardInterrupt:
    pass
