from leveret_plugin import Task
from leveret_plugin.testing import deliver

from plugin import plugin


def test_a_payer_is_thanked() -> None:
    payment = {"user": {"email": "ada@example.org"}, "amount": 4200}
    email = {"to": "ada@example.org", "template": "thanks"}
    assert deliver(plugin, "org.payment.processed", payment) == [Task("email.send", email)]
