// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "container.h"
#include "guard.h"

#define ID        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID2       "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define UID       "1b4e28ba-2fa1-11d2-883f-0016d3cca427"
#define UID_      "1b4e28ba_2fa1_11d2_883f_0016d3cca427"
#define UID2      "9e107d9d-372b-4b82-8e5b-3c1f9a0d4c55"
#define HASH      "9e107d9d372b4b828e5b3c1f9a0d4c55" /* a static pod's */
#define POD_SLICE "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_ ".slice"

struct row {
	const char *text, *id, *runtime, *uid, *unit;
};

/* clang-format off */
static const struct row rows[] = {
	/* Docker */
	{ "0::/system.slice/docker-" ID ".scope\n", ID, "docker", "", "" },
	{ "0::/docker/" ID "\n", ID, "docker", "", "" },
	{ "12:memory:/docker/" ID "\n11:cpu,cpuacct:/docker/" ID "\n1:name=systemd:/docker/" ID "\n0::/system.slice/containerd.service\n", ID, "docker", "", "containerd.service" },
	{ "0::/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" ID ".scope\n", ID, "docker", "", "user@1000.service" },
	{ "0::/system.slice/docker-" ID ".scope/system.slice/nginx.service\n", ID, "docker", "", "nginx.service" },
	/* containerd */
	{ "0::" POD_SLICE "/cri-containerd-" ID ".scope\n", ID, "containerd", UID, "" },
	{ "0::/kubepods.slice/kubepods-pod" UID_ ".slice/cri-containerd-" ID ".scope\n", ID, "containerd", UID, "" },
	{ "0::/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod" UID_ ".slice/cri-containerd-" ID ".scope\n", ID, "containerd", UID, "" },
	{ "0::/kubepods/burstable/pod" UID "/" ID "\n", ID, NULL, UID, "" },
	{ "0::/kubepods/pod" UID "/" ID "\n", ID, NULL, UID, "" },
	{ "11:pids:/system.slice/containerd.service/kubepods-burstable-pod" UID_ ".slice:cri-containerd:" ID "\n", ID, "containerd", UID, "containerd.service" },
	{ "0::/system.slice:cri-containerd:" ID "\n", ID, "containerd", "", "" },
	{ "0::/default/" ID "\n", ID, NULL, "", "" },
	{ "0::/user.slice/nerdctl-" ID ".scope\n", ID, "containerd", "", "" },
	/* CRI-O */
	{ "0::" POD_SLICE "/crio-" ID ".scope\n", ID, "cri-o", UID, "" },
	{ "0::" POD_SLICE "/crio-" ID ".scope/container\n", ID, "cri-o", UID, "" },
	{ "0::/kubepods/besteffort/pod" UID "/crio-" ID "\n", ID, "cri-o", UID, "" },
	{ "0::" POD_SLICE "/crio-conmon-" ID ".scope\n", "", NULL, UID, "" },
	/* podman */
	{ "0::/machine.slice/libpod-" ID ".scope\n", ID, "podman", "", "" },
	{ "0::/machine.slice/libpod-" ID ".scope/container\n", ID, "podman", "", "" },
	{ "0::/machine.slice/machine-libpod_pod_" ID2 ".slice/libpod-" ID ".scope\n", ID, "podman", "", "" },
	{ "0::/machine.slice/machine-libpod_pod_" ID2 ".slice\n", "", NULL, "", "" },
	{ "0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope/container\n", ID, "podman", "", "user@1000.service" },
	{ "0::/libpod_parent/libpod-" ID "\n", ID, "podman", "", "" },
	{ "0::/libpod_parent/" ID "\n", ID, "podman", "", "" },
	{ "0::/machine.slice/libpod-conmon-" ID ".scope\n", "", NULL, "", "" },
	/* from another cgroup namespace */
	{ "0::/../../kubepods-burstable-pod" UID_ ".slice/cri-containerd-" ID ".scope\n", ID, "containerd", UID, "" },
	{ "0::/../cri-containerd-" ID ".scope\n", ID, "containerd", "", "" },
	{ "0::/../../pod" UID "/" ID "\n", ID, NULL, UID, "" },
	{ "0::/\n", "", NULL, "", "" },
	/* static pods, nested containers, processes of a pod but of no container */
	{ "0::/kubepods.slice/kubepods-pod" HASH ".slice/cri-containerd-" ID ".scope\n", ID, "containerd", HASH, "" },
	{ "0::/kubepods/burstable/pod" HASH "/" ID "\n", ID, NULL, HASH, "" },
	{ "0::/docker/" ID2 "/kubelet/kubepods/pod" UID "/" ID "\n", ID, NULL, UID, "" },
	{ "0::/kubepods/pod" UID2 "/" ID2 "/docker/" ID "\n", ID, "docker", UID2, "" },
	{ "0::/kubepods/pod" UID2 "/" ID2 "/kubepods/pod" UID "/" ID "\n", ID, NULL, UID, "" },
	{ "0::/kubepods/pod" UID2 "/" ID2 "/kubepods/pod" UID "\n", ID2, NULL, UID2, "" },
	{ "0::/kubepods/burstable/pod" UID "\n", "", NULL, UID, "" },
	/* v1: lines that say less do not count */
	{ "3:cpuset:/\n2:devices:/kubepods/pod" UID "\n1:name=systemd:/kubepods/pod" UID "/" ID "\n0::/\n", ID, NULL, UID, "" },
	/* no container */
	{ "0::/system.slice/nginx.service\n", "", NULL, "", "nginx.service" },
	{ "0::/user.slice/user-0.slice/user@0.service/app.slice/web.service\n", "", NULL, "", "web.service" },
	{ "0::/user.slice/user-0.slice/session-3.scope\n", "", NULL, "", "" },
	{ "0::/init.scope\n", "", NULL, "", "" },
	{ "0::/lxc.payload.web/system.slice/cron.service\n", "", NULL, "", "cron.service" },
	/* almost */
	{ "0::/docker/" ID "0\n", "", NULL, "", "" },
	{ "0::/docker/0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef\n", "", NULL, "", "" },
	{ "0::/system.slice/docker-" ID ".service\n", "", NULL, "", "docker-" ID ".service" },
	{ "0::/system.slice/dockerX-" ID ".scope\n", "", NULL, "", "" },
	{ "0::/kubepods/pod" UID "0/" ID "\n", ID, NULL, "", "" },
	{ "0::/kubepods/pod1b4e28ba+2fa1-11d2-883f-0016d3cca427/" ID "\n", ID, NULL, "", "" },
	{ "0::/kubepods.slice/kubepods-tripod" UID_ ".slice/" ID "\n", ID, NULL, "", "" },
	{ "0:/docker/" ID "\n", "", NULL, "", "" },
	{ "no colons at all", "", NULL, "", "" },
	{ "", "", NULL, "", "" },
};
/* clang-format on */

static void test_rows(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		const char *why = r->runtime ? r->runtime : "";
		size_t len = strlen(r->text);
		char unit[CONTAINER_UNIT_MAX];
		struct container c;

		container__parse(&c, at_end(r->text, len), len);
		container__unit(unit, at_end(r->text, len), len);
		if (strcmp(c.id, r->id) || strcmp(c.runtime ? c.runtime : "", why) ||
		    strcmp(c.pod_uid, r->uid) || strcmp(unit, r->unit))
			fail_msg("%s: id '%s' runtime '%s' pod '%s' unit '%s'", r->text, c.id,
				 c.runtime ? c.runtime : "", c.pod_uid, unit);
	}
}

/* A prefix never says another id than the whole: an id is whole or it is none. */
static void test_prefixes(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = strlen(rows[i].text);

		for (size_t n = 0; n <= len; n++) {
			char unit[CONTAINER_UNIT_MAX];
			struct container c;

			container__parse(&c, at_end(rows[i].text, n), n);
			container__unit(unit, at_end(rows[i].text, n), n);
			assert_true(!*c.id || strlen(c.id) == CONTAINER_ID_LEN);
			assert_true(!*c.id || strstr(rows[i].text, c.id));
			assert_true(strlen(c.pod_uid) < CONTAINER_UID_MAX);
			assert_true(strstr(rows[i].text, unit));
		}
	}
}

static void test_long_unit(void **state)
{
	char text[CONTAINER_UNIT_MAX + 64] = "0::/", unit[CONTAINER_UNIT_MAX];

	memset(text + 4, 'x', CONTAINER_UNIT_MAX);
	strcpy(text + CONTAINER_UNIT_MAX - 4, ".service\n"); /* of 256 bytes: one too many */
	container__unit(unit, text, strlen(text));
	assert_string_equal(unit, "");
	text[CONTAINER_UNIT_MAX - 5] = '/';
	container__unit(unit, text, strlen(text));
	assert_string_equal(unit, ".service");
}

static const struct {
	const char *line, *uid;
} mounts[] = {
	{ "9 8 8:1 /var/lib/kubelet/pods/" UID "/etc-hosts /etc/hosts rw - ext4 /dev/a rw\n", UID },
	{ "9 8 8:1 /pods/" HASH "/containers/x/1 /dev/termination-log rw - ext4 /dev/a rw\n",
	  HASH },
	/* of the host, mounted as a whole: others' */
	{ "9 8 8:1 /pods/" UID "/etc-hosts /host/etc/hosts rw - ext4 /dev/a rw\n", "" },
	{ "9 8 0:9 / /var/lib/kubelet/pods/" UID "/volumes rw - tmpfs tmpfs rw\n", "" },
	{ "9 8 8:1 /docker/containers/" ID "/hosts /etc/hosts rw - ext4 /dev/a rw\n", "" },
	{ "9 8 8:1 /pods/" UID "0/etc-hosts /etc/hosts rw\n", "" },
	{ "9 8 8:1 /pods/ /etc/hosts", "" },
	{ "9 8", "" },
	{ "", "" },
};

static void test_mounts(void **state)
{
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		char uid[CONTAINER_UID_MAX] = "";
		bool found = container__pod_of_mount(uid, mounts[i].line);

		if (strcmp(uid, mounts[i].uid) || found != !!*mounts[i].uid)
			fail_msg("%s: '%s'", mounts[i].line, uid);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_long_unit),
		cmocka_unit_test(test_mounts),
	};

	return cmocka_run_group_tests(tests, guard_set_up, NULL);
}
