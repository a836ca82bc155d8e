"""What openapi.yaml cannot say: which metrics and labels this installation has, and which parameters depend on each other."""
import json
import os
import re
import time

import schemathesis

# A kind of metric answers its own aggregations, so one kind is asked about.
METRIC, TOP = "response_time", "top_endpoints"
AGGREGATIONS = r"^(p(100|[0-9]{1,2}(\.[0-9]{1,4})?)|mean|min|max|sum|count|rate)$"
# from must lie before to, and the points of a range are limited.
FROM = ["-1h", "-15m", "-7d", "-90m"]
TO = ["now", "-1m", "-30000ms"]
NOW = int(time.time() * 1000)
STEP = ["auto", "10m", "1h", "7m", "1d", "90s"]


def one_of(values):
    return {"type": "string", "enum": values}


@schemathesis.serializer("application/x-ndjson")
def lines(context, value):
    """A list as one value a line, anything else as a line of its own."""
    if isinstance(value, list):
        return "".join(json.dumps(one) + "\n" for one in value).encode()
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


@schemathesis.hook
def filter_query(context, query):
    """A list of one empty text and an empty list are the same in an address, and one of them is valid."""
    return not query or query.get("by") not in ([""], "")


@schemathesis.hook
def filter_case(context, case):
    """Of several events the good ones are taken and the others told, so only a bad one alone is refused; and other times than
    the one that is given as valid are valid too."""
    # A tag made as a number is taken for a text, and so for a valid one.
    tag = (case.headers or {}).get("If-Match", '"0"')
    if case.meta is not None and not case.meta.generation.mode.is_negative and not re.fullmatch('"[0-9a-f]{1,15}"', tag):
        return False
    if case.path != "/api/v1/events" or case.meta is None or not case.meta.generation.mode.is_negative:
        return True
    events = case.body if isinstance(case.body, list) else [case.body]
    times = [event.get("ts") for event in events if isinstance(event, dict)]
    return len(events) <= 1 and not any(
        isinstance(ts, (int, float)) and ts != NOW and abs(ts - NOW) < 8 * 86_400_000 for ts in times)


@schemathesis.hook
def map_case(context, case):
    """A board's own name is that of its address, and of two conditions that contradict each other one is sent."""
    if case.path == "/api/v1/boards/{name}":
        body = case.body if isinstance(case.body, dict) else {}
        is_valid = case.meta is None or not case.meta.generation.mode.is_negative
        if "name" in body and (is_valid or re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", str(body["name"]))):
            body["name"] = (case.path_parameters or {}).get("name", body["name"])
        if case.headers and {"If-Match", "If-None-Match"} <= set(case.headers):
            del case.headers["If-None-Match"]
    return case


@schemathesis.hook
def before_load_schema(context, raw_schema):
    parameters = raw_schema["components"]["parameters"]
    parameters["agg"]["schema"]["items"]["pattern"] = AGGREGATIONS
    parameters["by"]["schema"]["items"] = one_of(["service", "endpoint"])
    parameters["from"]["schema"] = one_of(FROM)
    parameters["to"]["schema"] = one_of(TO)
    parameters["step"]["schema"] = one_of(STEP)
    parameters["name"]["schema"] = one_of([METRIC])
    labels = {}
    for name in ["service", "endpoint"]:
        labels[f"label-{name}"] = {
            "name": f"label.{name}", "in": "query", "schema": {"type": "string"}, "example": "checkout,pay*"}
    parameters |= labels
    # An event's time is checked against the clock; and only a token that is known begins a session.
    schemas = raw_schema["components"]["schemas"]
    schemas["Event"]["properties"]["ts"] = {"anyOf": [
        {"type": "integer", "enum": [NOW]}, {"type": "null"},
        {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Field"}}]}
    bodies = raw_schema["paths"]["/api/v1/events"]["post"]["requestBody"]["content"]
    bodies["application/x-ndjson"] = {
        "schema": {"anyOf": [
            {"$ref": "#/components/schemas/Event"},
            {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Event"}}]}}
    session = raw_schema["paths"]["/api/v1/session"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    session["properties"]["token"] = one_of([os.environ["WEIR_TOKEN"]])
    # A page is asked for by partition, or after another one.
    schemas["RefusedID"]["pattern"] = "^0/[0-9]{1,13}-[0-9]{1,9}$"
    # A panel is asked about one kind of metric, as questions are.
    panel = schemas["Panel"]["properties"]
    panel["metric"] = one_of([METRIC])
    panel["agg"]["items"]["pattern"] = AGGREGATIONS
    panel["by"]["items"] = one_of(["service", "endpoint"])
    panel["filters"] = {
        "type": "object", "additionalProperties": False,
        "properties": {name: {"type": "string", "pattern": "^[a-z*!,/]{1,40}$"} for name in ["service", "endpoint"]}}
    schemas["Board"]["properties"]["range"] = one_of(["15m", "36h", "7d"])
    for parameter in raw_schema["paths"]["/api/v1/refused"]["get"]["parameters"]:
        if parameter["name"] == "partition":
            parameter["schema"] = {"type": "integer", "minimum": 0, "maximum": 0}
    metrics = {"/api/v1/query": METRIC, "/api/v1/top": TOP, "/api/v1/labels/{label}/values": METRIC}
    times = {"from": FROM, "start": FROM, "to": TO, "end": TO}
    for path, item in raw_schema["paths"].items():
        for operation in item.values():
            listed = operation.get("parameters", [])
            for parameter in listed:
                name = parameter.get("name")
                if name == "metric":
                    parameter["schema"] = one_of([metrics.get(path, METRIC)])
                    parameter.pop("example", None)
                elif name == "label":
                    parameter["schema"] = one_of(["service"])
                elif name in times:
                    parameter["schema"] = one_of(times[name])
            if any(parameter.get("$ref", "").endswith("/label") for parameter in listed):
                names = ["service"] if path.endswith("/top") else ["service", "endpoint"]
                operation["parameters"] = [p for p in listed if not p.get("$ref", "").endswith("/label")] + [
                    {"$ref": f"#/components/parameters/label-{name}"} for name in names]
