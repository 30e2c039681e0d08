//! Pheidi carries the mail. For each payment of an organization it creates the task `pheidi.email.send`: a receipt for
//! whoever owns the payment method. Whoever performs it can rely on the task's JSON Schema, since the host checks it.

#![forbid(unsafe_code)]

use leveret_plugin::prelude::*;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payment {
    organization: Organization,
    /// In the smallest unit of the currency.
    amount: u64,
    currency: String,
    payment_method_owner: User,
}

#[derive(Deserialize)]
struct Organization {
    id: u64,
    name: String,
}

#[derive(Deserialize)]
struct User {
    email: String,
}

#[derive(Serialize)]
struct Email<'a> {
    to: &'a str,
    subject: String,
    template: &'static str,
    substitutions: Substitutions<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Substitutions<'a> {
    organization_name: &'a str,
    amount: u64,
    currency: &'a str,
}

#[subscribe("org.payment.processed")]
fn write_receipt(event: Event<Payment>) -> Handled<Task> {
    let Payment { organization, amount, currency, payment_method_owner } = &event.payload;
    if *amount == 0 {
        return Err(reject(format!("a payment of nothing by organization {}", organization.id)));
    }
    let email = Email {
        to: &payment_method_owner.email,
        subject: format!("Your receipt for {}", organization.name),
        template: "payment-receipt",
        substitutions: Substitutions { organization_name: &organization.name, amount: *amount, currency },
    };
    Task::new("email.send", &email)
}

leveret_plugin::plugin! {
    subscribers: [write_receipt],
    emits: [{ name: "email.send", schema: include_str!("../email.schema.json") }],
}

#[cfg(test)]
mod tests {
    use super::*;
    use leveret_plugin::test::deliver;

    fn payment(amount: u64) -> Value {
        json!({
            "organization": { "id": 1, "name": "Runnable", "users": [{ "email": "ada@example.org" }] },
            "amount": amount,
            "currency": "usd",
            "paymentMethodOwner": { "email": "grace@example.org", "githubId": 7 },
        })
    }

    #[test]
    fn a_payment_becomes_a_receipt_for_the_owner_of_the_payment_method() -> Handled<()> {
        let email = json!({
            "to": "grace@example.org",
            "subject": "Your receipt for Runnable",
            "template": "payment-receipt",
            "substitutions": { "organizationName": "Runnable", "amount": 4200, "currency": "usd" },
        });
        assert_eq!(deliver::<write_receipt>(payment(4200))?, [Task::new("email.send", &email)?]);
        Ok(())
    }

    #[test]
    fn a_payment_of_nothing_is_rejected() {
        let failure = deliver::<write_receipt>(payment(0));
        assert_eq!(failure, Err(reject("a payment of nothing by organization 1")));
    }
}
