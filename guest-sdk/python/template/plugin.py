import logging
from dataclasses import dataclass

from leveret_plugin import Event, Plugin, Reject, Task

plugin = Plugin(emits=["email.send"])


@dataclass
class User:
    email: str


@dataclass
class Payment:
    user: User
    amount: int


@plugin.subscribe("org.payment.processed")
def thank(event: Event[Payment]) -> Task:
    payment = event.payload
    if payment.amount == 0:
        raise Reject("a payment of nothing")
    logging.info("%s paid %d", payment.user.email, payment.amount)
    return Task("email.send", {"to": payment.user.email, "template": "thanks"})
