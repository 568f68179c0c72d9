"""What schemathesis cannot know of the API: how NDJSON is written, and rules that JSON Schema does not tell."""
import json
import re
from urllib.parse import unquote

import schemathesis

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@schemathesis.serializer("application/x-ndjson")
def ndjson(ctx, value):
    if isinstance(value, (str, bytes)):
        return value if isinstance(value, bytes) else value.encode("utf-8", "replace")
    lines = value if isinstance(value, list) else [value]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def is_inexact(value):
    """Holds a number that JavaScript, and so the worker, could not keep."""
    if isinstance(value, dict):
        return any(map(is_inexact, value.values()))
    if isinstance(value, list):
        return any(map(is_inexact, value))
    return isinstance(value, int) and abs(value) > 2**53 - 1


def is_refused(body):
    """A body that fits the schema and breaks a rule that its description tells."""
    if is_inexact(body):
        return True
    if not isinstance(body, dict):
        return False
    alone = [key for key in ("jids", "all") if key in body]
    if alone and len(body) > 1 and "args" not in body:
        return True
    if "at" in body and ("delayMs" in body or not TIME.match(str(body["at"]))):
        return True
    match = body.get("match", "**")
    if isinstance(match, str) and not (match.startswith("*") and match.endswith("*")):
        return True
    return any(CONTROL.search(body[key]) for key in ("jobtype", "match") if isinstance(body.get(key), str))


def is_keyed_wrong(case):
    """Two partition keys, or a queue whose name has no room for the number of a partition."""
    header = (case.headers or {}).get("Partition-Key")
    body = case.body if isinstance(case.body, dict) else {}
    field = body.get("partitionKey")
    if header is not None and field is not None and header != field:
        return True
    return (header or field) is not None and len(str(body.get("queue", ""))) > 126


@schemathesis.hook
def filter_case(ctx, case):
    """Only bodies and names that are meant to be good are left out: what is meant to be bad is sent all the same."""
    if case.meta is not None and case.meta.generation.mode.is_negative:
        return True
    jobtype = (case.path_parameters or {}).get("jobtype", "")
    return not is_refused(case.body) and not is_keyed_wrong(case) and not CONTROL.search(unquote(str(jobtype)))
