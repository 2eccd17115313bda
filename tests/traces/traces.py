# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a case of these tests gets in its hands, beyond a live test's."""

import fake
import harness
import redeye
from lib import settings
from services import Service


class Test(harness.Test):
    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.services = []
        self.closing = []

    def service(self, kind, name=None, **options):
        one = Service(kind, self.subfolder(name or kind), name, **options)
        self.services.append(one)
        self.procs.append(one.proc)
        return one

    def receiver(self, one):
        self.closing.append(one)
        return one

    def redeye(self, endpoint, *services, **options):
        """redeye on these services, exporting to `endpoint`; options as redeye.options."""
        if settings.self_check:
            return fake.FakeRedeye(endpoint, self.services, services)
        return self.watch(*services, routes=(), options=redeye.options(endpoint, **options))

    def cleanup(self):
        for one in self.closing:
            one.close()
        super().cleanup()


harness.Test = Test  # what harness.run_case makes
