"""Stand-ins for the node-readiness-controller (v0.5), which this rig's API server is too old for: its resource with the rules
that were recorded of it, and what its controller does with a rule."""

from . import kubernetes

GROUP = "readiness.node.x-k8s.io"
RULES = f"/apis/{GROUP}/v1alpha1/nodereadinessrules"
TEXT = {"type": "string"}
STATUS = {"type": "string", "enum": ["True", "False", "Unknown"]}
SPEC = {
    "type": "object", "required": ["conditions", "enforcementMode", "nodeSelector", "taint"],
    "properties": {
        "conditions": {"type": "array", "minItems": 1, "maxItems": 32, "items": {
            "type": "object", "required": ["requiredStatus", "type"],
            "properties": {"type": {**TEXT, "minLength": 1, "maxLength": 316}, "requiredStatus": STATUS, "defaultStatus": STATUS}}},
        "conditionPolicy": {**TEXT, "enum": ["allOf", "anyOf"]},
        "dryRun": {"type": "boolean"},
        "enforcementMode": {**TEXT, "enum": ["bootstrap-only", "continuous"]},
        # "must not be empty" is said in CEL there; here, an object of labels alone must have one
        "nodeSelector": {"type": "object", "minProperties": 1, "properties": {
            "matchLabels": {"type": "object", "minProperties": 1, "additionalProperties": TEXT}}},
        "taint": {"type": "object", "required": ["effect", "key"], "properties": {
            "key": {**TEXT, "maxLength": 253, "pattern": "^readiness\\.k8s\\.io/[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"},
            "effect": {**TEXT, "enum": ["NoSchedule", "PreferNoSchedule", "NoExecute"]},
            "value": {**TEXT, "maxLength": 63}}},
    },
}
RESOURCE = {
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {
        "name": f"nodereadinessrules.{GROUP}",
        # of *.k8s.io groups; the server asks for a word about it
        "annotations": {"api-approved.kubernetes.io": "unapproved, a test's stand-in"}},
    "spec": {"group": GROUP, "scope": "Cluster",
             "names": {"kind": "NodeReadinessRule", "listKind": "NodeReadinessRuleList", "plural": "nodereadinessrules", "singular": "nodereadinessrule"},
             "versions": [{"name": "v1alpha1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {
                 "type": "object", "required": ["spec"], "properties": {"spec": SPEC}}}}]},
}


def holds(rule: dict, node: dict) -> bool:
    """A condition that is not there is Unknown."""
    found = {each["type"]: each["status"] for each in node.get("status", {}).get("conditions", [])}
    return all(found.get(each["type"], "Unknown") == each["requiredStatus"] for each in rule["spec"]["conditions"])


def reconcile(cluster: kubernetes.Cluster, rule: dict, name: str) -> None:
    """What the controller does once for one node."""
    node = cluster.node(name)
    wanted = rule["spec"]["nodeSelector"]["matchLabels"].items()
    completed = f"readiness.k8s.io/bootstrap-completed-{rule['metadata']['name']}"
    if rule["spec"].get("dryRun") or not wanted <= node["metadata"].get("labels", {}).items() or completed in node["metadata"].get("annotations", {}):
        return
    taint = rule["spec"]["taint"]
    others = [each for each in node["spec"].get("taints", []) if (each["key"], each["effect"]) != (taint["key"], taint["effect"])]
    good = holds(rule, node)
    patch = {"metadata": {"resourceVersion": node["metadata"]["resourceVersion"], "annotations": {}},
             "spec": {"taints": others + ([] if good else [taint])}}
    if good and rule["spec"]["enforcementMode"] == "bootstrap-only":
        patch["metadata"]["annotations"][completed] = "true"
    cluster.done("PATCH", f"/api/v1/nodes/{name}", patch, "merge")
