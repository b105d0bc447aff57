"""The node's condition, events, labels and the taint against a real Kubernetes API server (1.20): patches, conflicts, RBAC and
NodeRestriction as they are there."""

import threading
import unittest

from rig import kubernetes, testing
from rig.kubernetes_report import READY, UNKNOWN, WRONG, Publisher
from rig.on_cluster import TAINT, TYPE, OnCluster, conditions

LONG_AGO = "2020-01-01T00:00:00Z"
FOREIGN = {"type": "KernelDeadlock", "status": "False", "reason": "KernelHasNoDeadlock", "message": "fine",
           "lastHeartbeatTime": LONG_AGO, "lastTransitionTime": LONG_AGO}


class TheCondition(OnCluster):
    def test_the_kubelets_own_credential_writes_it_and_all_others_stay(self):
        node = self.new_node()
        self.set_condition(node, **FOREIGN)
        publisher = self.kubelets(node)
        for said, status, reason in ((UNKNOWN, "Unknown", "RegistryUnreachable"), (WRONG, "False", "ArchMismatch"), (READY, "True", "AllImagesReady")):
            self.assert_fine(publisher.publish(said))
            found = conditions(self.cluster.node(node))
            self.assertEqual((status, reason, said["message"]), tuple(found[TYPE][key] for key in ("status", "reason", "message")))
            self.assertEqual(FOREIGN, found["KernelDeadlock"])

    def test_what_says_the_same_is_not_written_again(self):
        node = self.new_node()
        publisher = self.kubelets(node)
        self.assert_fine(publisher.publish(WRONG))
        before = self.cluster.node(node)["metadata"]["resourceVersion"]
        self.assert_fine(publisher.publish(WRONG, WRONG, WRONG))
        self.assertEqual(before, self.cluster.node(node)["metadata"]["resourceVersion"])
        self.assertEqual([("get", "nodes", 200), ("patch", "nodes/status", 200), ("create", "events", 201)], self.asked_by_kubelet(node))

    def test_a_restart_that_forgets_all_reads_the_node_and_writes_nothing(self):
        node = self.new_node()
        publisher = self.kubelets(node)
        self.assert_fine(publisher.publish(READY))
        publisher.remembers = False
        self.assert_fine(publisher.publish(READY))
        self.assertEqual([("get", "nodes", 200), ("patch", "nodes/status", 200), ("create", "events", 201), ("get", "nodes", 200)],
                         self.asked_by_kubelet(node))

    def test_a_heartbeat_renews_the_heartbeat_alone(self):
        node = self.new_node()
        publisher = self.kubelets(node)
        self.assert_fine(publisher.publish(READY))
        self.set_condition(node, type=TYPE, lastHeartbeatTime=LONG_AGO, lastTransitionTime=LONG_AGO)
        publisher.remembers = False
        self.assert_fine(publisher.publish(READY))
        found = self.condition(node)
        self.assertEqual(LONG_AGO, found["lastTransitionTime"])
        self.assertLess(LONG_AGO, found["lastHeartbeatTime"])
        self.assertEqual(1, len(self.cluster.events(node)))

    def test_the_transition_time_is_kept_until_the_status_changes(self):
        node = self.new_node()
        self.set_condition(node, type=TYPE, status="False", reason="FileCorrupt", message="", lastHeartbeatTime=LONG_AGO, lastTransitionTime=LONG_AGO)
        publisher = self.kubelets(node)
        self.assert_fine(publisher.publish(WRONG))  # another reason
        self.assertEqual(("ArchMismatch", LONG_AGO), (self.condition(node)["reason"], self.condition(node)["lastTransitionTime"]))
        self.assert_fine(publisher.publish(READY))
        self.assertLess(LONG_AGO, self.condition(node)["lastTransitionTime"])

    def test_another_writer_of_the_status_costs_neither_anything(self):
        node = self.new_node()
        publisher = self.kubelets(node)
        over = threading.Event()
        written = []

        def write():
            while not over.is_set():
                written.append(f"{len(written)}")
                self.set_condition(node, **FOREIGN | {"message": written[-1]})
        writer = threading.Thread(target=write)
        writer.start()
        try:
            answers = publisher.publish(*([WRONG, READY] * 15))
        finally:
            over.set()
            writer.join()
        self.assertEqual(30, len(answers))
        self.assert_fine(answers)
        found = conditions(self.cluster.node(node))
        self.assertEqual(("True", written[-1]), (found[TYPE]["status"], found["KernelDeadlock"]["message"]))

    def test_a_node_that_is_not_there(self):
        publisher = Publisher("gone-1", self.cluster.folder / "gone", {"kubeconfig": str(self.cluster.kubelet("gone-1"))})
        [answer] = publisher.publish(READY)
        [failed] = answer["failed"]
        self.assertEqual("not_found", failed["code"])
        self.assertIn("report.kubernetes.node", failed["remedy"])
        self.cluster.make_node("gone-1")
        self.assert_fine(publisher.publish(READY))

    def test_a_node_that_was_made_anew_gets_it_again_and_an_event_about_the_new_one(self):
        node = self.new_node()
        publisher = self.kubelets(node)
        self.assert_fine(publisher.publish(READY))
        self.cluster.done("DELETE", f"/api/v1/nodes/{node}")
        [answer] = publisher.publish(WRONG)
        self.assertEqual(["not_found"], [each["code"] for each in answer["failed"]])
        uid = self.cluster.make_node(node)["metadata"]["uid"]
        self.assert_fine(publisher.publish(WRONG))
        self.assertEqual("False", self.condition(node)["status"])
        self.assertEqual(uid, self.cluster.events(node)[-1]["involvedObject"]["uid"])


class TheEvents(OnCluster):
    def test_an_event_is_about_the_nodes_real_uid_and_counts_up(self):
        node = self.new_node()
        uid = self.cluster.node(node)["metadata"]["uid"]
        self.assert_fine(self.kubelets(node).publish(WRONG, READY, WRONG, READY))
        events = {event["reason"]: event for event in self.cluster.events(node)}
        self.assertEqual({"ArchMismatch": ("Warning", 2), "AllImagesReady": ("Normal", 2)},
                         {reason: (event["type"], event["count"]) for reason, event in events.items()})
        for event in events.values():
            self.assertEqual((uid, "Node", "nodeproof"), (event["involvedObject"]["uid"], event["involvedObject"]["kind"], event["source"]["component"]))

    def test_one_that_the_server_has_forgotten_is_made_anew(self):
        node = self.new_node()
        publisher = self.kubelets(node)
        self.assert_fine(publisher.publish(WRONG, READY))
        for event in self.cluster.events(node):
            self.cluster.done("DELETE", f"/api/v1/namespaces/default/events/{event['metadata']['name']}")
        self.assert_fine(publisher.publish(WRONG))
        self.assertEqual([("ArchMismatch", 1)], [(event["reason"], event["count"]) for event in self.cluster.events(node)])

    def test_none_when_they_are_not_wanted(self):
        node = self.new_node()
        self.assert_fine(self.kubelets(node, events="0").publish(WRONG, READY))
        self.assertEqual([], self.cluster.events(node))


class TheLabels(OnCluster):
    def labels(self, node: str) -> dict:
        return self.cluster.node(node)["metadata"]["labels"]

    def test_they_are_set_stale_ones_go_and_others_stay(self):
        node = self.new_node(labels={"site": "berlin", "nodeproof.dev/l4t": "35.1"})
        publisher = self.kubelets(node, labels="1")
        self.assert_fine(publisher.publish(READY))
        self.assertEqual({"site": "berlin", "nodeproof.dev/page-size": "16384", "nodeproof.dev/isa-lse": "true", "nodeproof.dev/userland": "64",
                          "nodeproof.dev/board": "Raspberry-Pi-5-Model-B-Rev-1.0"}, self.labels(node))
        self.assert_fine(publisher.publish(READY, host={"architecture": "amd64", "pageSize": 4096, "isaLevel": "x86-64-v3"}))
        self.assertEqual({"site": "berlin", "nodeproof.dev/page-size": "4096", "nodeproof.dev/x86-64-level": "3"}, self.labels(node))
        before = len(self.asked_by_kubelet(node))
        self.assert_fine(publisher.publish(READY, host={"architecture": "amd64", "pageSize": 4096, "isaLevel": "x86-64-v3"}))
        self.assertEqual(before, len(self.asked_by_kubelet(node)))
        self.assert_fine(publisher.publish(READY, labels="0"))
        self.assertEqual({"site": "berlin"}, self.labels(node))


class WhatAKubeletMayDo(OnCluster):
    def test_nothing_to_another_node(self):
        node, other = self.new_node(), self.new_node()
        publisher = Publisher(other, self.cluster.folder / "intruder", {"kubeconfig": str(self.cluster.kubelet(node)), "labels": "1"})
        [answer] = publisher.publish(READY)
        self.assertEqual({"permission_denied"}, {each["code"] for each in answer["failed"]})
        self.assertNotIn(TYPE, conditions(self.cluster.node(other)))

    def test_no_untainting_not_even_itself_and_the_rest_is_done(self):
        node = self.new_node([{"key": TAINT, "effect": "NoSchedule"}])
        [answer] = self.kubelets(node, taint=TAINT).publish(READY)
        [failed] = answer["failed"]
        self.assertEqual("permission_denied", failed["code"])
        self.assertIn("is not allowed to modify taints", failed["message"])
        self.assertIn("NodeRestriction", failed["remedy"])
        self.assertEqual("True", self.condition(node)["status"])
        self.assertIn(TAINT, [taint["key"] for taint in self.cluster.node(node)["spec"]["taints"]])


class AServerThatDoesNotKnowUs(OnCluster):
    def test_a_credential_of_another_cluster(self):
        node = self.new_node()
        kubeconfig = self.cluster.kubeconfig("stranger", {"token": "not-of-this-cluster"})
        [answer] = Publisher(node, self.cluster.folder / "stranger", {"kubeconfig": str(kubeconfig)}).publish(READY)
        [failed] = answer["failed"]
        self.assertEqual("unauthorized", failed["code"])
        self.assertNotIn("not-of-this-cluster", str(answer))

    def test_a_server_whose_certificate_is_of_another_authority(self):
        node = self.new_node()
        kubeconfig = self.cluster.kubelet(node)
        text = kubeconfig.read_text(encoding="utf-8")
        kubeconfig.write_text("\n".join(line for line in text.splitlines() if "certificate-authority-data" not in line), encoding="utf-8")
        kubernetes.make_authority(self.cluster.folder, "other-ca")
        [answer] = Publisher(node, self.cluster.folder / "untrusting", {"kubeconfig": str(kubeconfig)},
                             {"SSL_CERT_FILE": str(self.cluster.folder / "other-ca.pem")}).publish(READY)
        [failed] = answer["failed"]
        self.assertEqual("untrusted", failed["code"])


if __name__ == "__main__":
    testing.main()
