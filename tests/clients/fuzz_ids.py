"""Hooks for schemathesis: most calls name things that are there, so that more than "not found" is tried; and nobody waits long.

KNOWN_IDS may hold {"path prefix": ["id", …]} as JSON; the longest prefix of a path counts. Without it ids stay as they were drawn.
"""
import json
import os
import zlib

import schemathesis

KNOWN = json.loads(os.environ.get("KNOWN_IDS", "{}"))


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    if path_parameters and "id" in path_parameters:
        prefixes = [prefix for prefix in KNOWN if context.operation.path.startswith(prefix + "/{id}")]
        if prefixes:
            ids = KNOWN[max(prefixes, key=len)]
            # The same case names the same thing when it is run again; every fourth stays as it was drawn.
            draw = zlib.crc32(str(path_parameters["id"]).encode("utf-8", "replace"))
            if draw % 4:
                path_parameters["id"] = ids[draw // 4 % len(ids)]
    return path_parameters


@schemathesis.hook
def map_query(context, query):
    if context.operation.path.endswith("/wait"):
        query = dict(query or {})
        if str(query.get("seconds", 30)).isdecimal() and int(query.get("seconds", 30)) <= 30:
            query["seconds"] = 0  # What else the case asks stays as it was drawn, and so do seconds that are refused.
    return query
