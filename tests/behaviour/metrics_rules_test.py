"""The alert rules for Prometheus, each seen to fire for its cause once and to keep silent otherwise, by promtool."""

import unittest

from rig import prometheus, testing
from rig.fleet_series import APP, EVERY, READY, Alert, Node, Said, broken, severity_of_alerts, verdict_of, with_sinks

HOUR = 60


def good(count: int = 3, architecture: str = "amd64") -> list[Node]:
    return [Node(f"good-{architecture}-{i}", architecture=architecture) for i in range(count)]


def from_minute(minute: int, said: Said, before: Said = READY):
    return lambda now: said if now >= minute else before


class Rules(testing.RigTest):
    tried: set[str] = set()

    def fires(self, nodes: list, minute: int, *alerts: Alert, **more) -> None:
        self.tried.update(alert.name for alert in alerts)
        self.assertEqual("", verdict_of(nodes, minute, list(alerts), **more))

    def silent(self, nodes: list, minute: int, **more) -> None:
        self.fires(nodes, minute, **more)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        missing = set(severity_of_alerts()) - cls.tried
        assert not missing or len(cls.tried) < 5, f"never seen to fire: {missing}"  # a single test may be run alone

    def test_the_rules_are_valid(self):
        done = prometheus.promtool("check", "rules", prometheus.RULES)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)

    def test_a_good_fleet_is_silent(self):
        self.silent(good() + good(architecture="arm64"), 12 * HOUR)

    def test_one_page_for_each_cause_whatever_number_of_nodes_has_it(self):
        pages = [Node(f"pi-{i}", from_minute(30, broken("PageSizeIncompatible"))) for i in range(7)]
        kernel = [Node(f"old-{i}", from_minute(30, broken("KernelTooOld", ""))) for i in range(2)]
        nodes = good(architecture="arm64") + pages + kernel
        self.silent(nodes, 30 + 29)
        self.fires(nodes, 30 + 30, Alert("NodeproofNotReady", {"code": "PageSizeIncompatible", "image": APP}),
                   Alert("NodeproofNotReady", {"code": "KernelTooOld"}))

    def test_a_node_that_flaps_is_no_node_that_is_wrong_and_is_told_in_the_end(self):
        flapping = Node("pi-1", lambda now: broken("SmokeFailed") if now // EVERY % 2 else READY)
        nodes = good(architecture="arm64") + [flapping]
        self.silent(nodes, 90)
        self.fires(nodes, 4 * HOUR, Alert("NodeproofFlapping", {}))

    def test_nodes_that_reboot_one_after_the_other_are_silent(self):
        def rebooting(at: int) -> Node:
            # Three minutes nothing, then unknown until the check at the next quarter of an hour.
            return Node(f"pi-{at}", lambda now: broken("NotChecked", "", "unknown") if at <= now < at + EVERY else READY,
                        away=lambda now: at <= now < at + 3)

        self.silent([rebooting(at) for at in range(15, 4 * HOUR, 10)], 4 * HOUR)

    def test_nodes_that_fail_for_a_moment_one_after_the_other_are_silent(self):
        def upgraded(at: int) -> Node:
            return Node(f"pi-{at}", lambda now: broken("SmokeFailed") if at <= now < at + EVERY else READY)

        self.silent([upgraded(at) for at in range(15, 6 * HOUR, EVERY)], 6 * HOUR)

    def test_an_image_that_fails_on_arm64_only_is_one_page_and_not_two(self):
        bad = [Node(f"pi-{i}", from_minute(15, broken())) for i in range(3)]
        self.fires(good() + bad, 90, Alert("NodeproofFailsOnlyOnArm64", {"architecture": "arm64", "image": APP}))

    def test_an_image_that_fails_on_amd64_only(self):
        bad = [Node(f"server-{i}", from_minute(15, broken()), "amd64") for i in range(3)]
        self.fires(good(architecture="arm64") + bad, 90, Alert("NodeproofFailsOnlyOnAmd64", {"architecture": "amd64", "image": APP}))

    def test_an_image_that_one_arm64_node_has_ready_does_not_fail_on_arm64_only(self):
        nodes = good() + good(1, "arm64") + [Node("pi-1", from_minute(15, broken()))]
        self.fires(nodes, 90, Alert("NodeproofNotReady", {"code": "ArchMismatch", "image": APP}))

    def test_an_image_that_no_other_architecture_has_does_not_fail_on_arm64_only(self):
        elsewhere = Node("server", lambda now: Said(images={}), "amd64")
        self.fires([elsewhere, Node("pi-1", lambda now: broken())], 90, Alert("NodeproofNotReady", {"code": "ArchMismatch", "image": APP}))

    def test_an_image_that_is_not_known_for_long(self):
        unreachable = [Node(f"pi-{i}", from_minute(30, broken("RegistryUnreachable", severity="unknown"))) for i in range(2)]
        nodes = good() + unreachable
        self.silent(nodes, 30 + 119)
        self.fires(nodes, 30 + 120, Alert("NodeproofUnknownTooLong", {"code": "RegistryUnreachable", "image": APP}))

    def test_a_node_of_which_nothing_is_required_is_nobodys_alarm(self):
        self.silent([Node("new", lambda now: broken("NothingRequired", "", "unknown"))], 6 * HOUR)

    def test_a_report_that_grows_old_in_a_textfile_is_stale_and_no_longer_believed(self):
        ended = [Node(f"pi-{i}", lambda now: READY if now <= 60 else None) for i in range(2)]
        wrong = Node("pi-9", lambda now: broken("SmokeFailed") if now <= 60 else None)
        nodes = good(architecture="arm64") + ended + [wrong]
        self.fires(nodes, 60 + 120, Alert("NodeproofNotReady", {"code": "SmokeFailed", "image": APP}))
        self.fires(nodes, 60 + 120 + 7, Alert("NodeproofReportStale", {}))

    def test_a_missed_check_or_three_make_no_report_stale(self):
        self.silent([Node("pi-1", lambda now: None if 30 <= now <= 75 else READY)] + good(), 3 * HOUR)

    def test_nodes_from_which_nothing_comes_are_one_page_and_forgotten_after_a_day(self):
        off = [Node(f"pi-{i}", away=lambda now: now > 60) for i in range(3)]
        self.silent(good() + off, 60 + 29)
        self.fires(good() + off, 60 + 37, Alert("NodeproofNodeSilent", {}))
        self.silent(good(1) + off[:1], 60 + 25 * HOUR)

    def test_a_fleet_of_which_nothing_comes(self):
        gone = [Node("pi-1", away=lambda now: now > 60)]
        self.fires(gone, 60 + 20, Alert("NodeproofAbsent", {}))
        self.silent(good(1), 60)

    def test_a_damaged_tag_is_one_page_though_its_nodes_stay_ready(self):
        nodes = [Node(f"pi-{i}", from_minute(30, broken("IndexDamaged", severity="warn"))) for i in range(4)]
        self.silent(nodes, 35)
        self.fires(nodes, 60, Alert("NodeproofTagDamaged", {"image": APP}))

    def test_a_damaged_tag_that_a_scheduled_inspect_has_found(self):
        labels = f'{{image="{APP}",verdict="damaged",instance="ci:9100",job="node"}}'
        self.fires(good(), 60, Alert("NodeproofTagDamaged", {"image": APP}),
                   more=[{"series": "nodeproof_index_verdict" + labels, "values": "0x20 1x50"}])
        self.silent(good(), 60, more=[{"series": "nodeproof_index_verdict" + labels, "values": "0x70"}])

    def test_a_damaged_tag_of_an_image_that_is_proven_nowhere_is_one_page_too(self):
        nodes = [Node(f"pi-{i}", from_minute(30, broken("IndexDamaged"))) for i in range(3)]
        self.fires(nodes + good(), 120, Alert("NodeproofTagDamaged", {"image": APP}))

    def test_a_registry_that_does_not_answer_for_two_hours(self):
        silent = Said(freshness="unreachable")
        nodes = [Node(f"pi-{i}", from_minute(60, silent)) for i in range(3)] + good()
        self.silent(nodes, 60 + 110)
        self.fires(nodes, 60 + 121, Alert("NodeproofRegistryUnreachable", {"image": APP}))

    def test_certificates_that_end_soon_are_one_warning(self):
        nodes = [Node(f"pi-{i}", lambda now: broken("CertificateExpiring", "", "warn")) for i in range(3)]
        self.fires(nodes + good(), 20, Alert("NodeproofCertificateExpiring", {"code": "CertificateExpiring"}))

    def test_an_override_is_told_while_it_lasts(self):
        overridden = Said("not-ready", ((APP, "TagMoved", "fail"),), {APP: 0}, override_until=100)
        nodes = good(architecture="arm64") + [Node("pi-1", from_minute(60, overridden))]
        self.fires(nodes, 70, Alert("NodeproofOverrideActive", {}))
        self.fires(nodes, 110, Alert("NodeproofNotReady", {"code": "TagMoved", "image": APP}))

    def test_reports_that_are_dropped(self):
        def dropping(now: int) -> Said:
            return with_sinks(READY, delivered=1, failures=0, dropped=max(0, now - 60) // EVERY)

        nodes = [Node(f"pi-{i}", dropping) for i in range(2)]
        self.silent(nodes, 60)
        self.fires(nodes, 100, Alert("NodeproofSpoolDropping", {"sink": "webhook"}))

    def test_a_receiver_that_takes_nothing(self):
        nodes = [Node(f"pi-{i}", lambda now: with_sinks(READY, delivered=min(now, 60), failures=max(0, now - 60), dropped=0))
                 for i in range(2)]
        self.silent(nodes, 120)
        self.fires(nodes, 180, Alert("NodeproofSinkFailing", {"sink": "webhook"}))

    def test_a_receiver_that_fails_now_and_then_is_nobodys_alarm(self):
        self.silent([Node("pi-1", lambda now: with_sinks(READY, delivered=now, failures=now // 3, dropped=0))], 4 * HOUR)

    def test_two_hosts_of_one_name(self):
        nodes = good() + [Node("pi-1", instance="10.0.0.1:9100"), Node("pi-1", instance="10.0.0.2:9100")]
        self.silent(nodes, 20)
        self.fires(nodes, 40, Alert("NodeproofNodeNamedTwice", {"node": "pi-1"}))


if __name__ == "__main__":
    testing.main()
