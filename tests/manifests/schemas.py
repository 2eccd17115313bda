#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""JSON schemas for kubeconform -strict, from the OpenAPI v3 documents in Kubernetes' own source.

schemas.py SOURCE OUT: one file KIND-GROUP-VERSION.json for each kind of the groups below.
"""

import json
import os
import sys

GROUPS = ["api__v1", "apis__apps__v1", "apis__networking.k8s.io__v1",
          "apis__rbac.authorization.k8s.io__v1", "apis__scheduling.k8s.io__v1"]
REF = "#/components/schemas/"


def strict(schema):
    """No properties but those that are named; references into the same file."""
    if isinstance(schema, list):
        return [strict(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    out = {k: strict(v) for k, v in schema.items() if k != "default"}
    if isinstance(out.get("$ref"), str):
        out["$ref"] = out["$ref"].replace(REF, "#/definitions/")
    if isinstance(out.get("properties"), dict) and "additionalProperties" not in out \
            and not out.get("x-kubernetes-preserve-unknown-fields"):
        out["additionalProperties"] = False
    return out


def main(source, out):
    os.makedirs(out)
    count = 0
    for group in GROUPS:
        path = os.path.join(source, "api", "openapi-spec", "v3", group + "_openapi.json")
        with open(path, encoding="utf-8") as f:
            definitions = strict(json.load(f)["components"]["schemas"])
        for name, schema in definitions.items():
            for gvk in schema.get("x-kubernetes-group-version-kind", []):
                parts = [gvk["kind"], gvk["group"].split(".")[0], gvk["version"]]
                file = "-".join(p.lower() for p in parts if p) + ".json"
                if gvk["version"] != "v1" or os.path.exists(os.path.join(out, file)):
                    continue
                pinned = {"apiVersion": {"const": "/".join(p for p in (gvk["group"], "v1") if p)},
                          "kind": {"const": gvk["kind"]}}
                with open(os.path.join(out, file), "w", encoding="utf-8") as f:
                    json.dump({"$schema": "http://json-schema.org/draft-07/schema#",
                               "allOf": [{"$ref": "#/definitions/" + name},
                                         {"required": list(pinned), "properties": pinned}],
                               "definitions": definitions}, f)
                count += 1
    print("schemas of %d kinds" % count)


if __name__ == "__main__":
    main(*sys.argv[1:])
