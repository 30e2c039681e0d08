use leveret_plugin::prelude::*;

#[derive(Deserialize)]
struct Payment {
    user: User,
    amount: u64,
}

#[derive(Deserialize)]
struct User {
    email: String,
}

#[derive(Serialize)]
struct Email<'a> {
    to: &'a str,
    template: &'static str,
}

#[subscribe("org.payment.processed")]
fn thank(event: Event<Payment>) -> Handled<Task> {
    let Payment { user, amount } = &event.payload;
    if *amount == 0 {
        return Err(reject("a payment of nothing"));
    }
    log::info!("{} paid {amount}", user.email);
    Task::new("email.send", &Email { to: &user.email, template: "thanks" })
}

leveret_plugin::plugin! {
    summary: "Thanks people for their payments.",
    subscribers: [thank],
    emits: ["email.send"],
}

#[cfg(test)]
mod tests {
    use super::*;
    use leveret_plugin::test::deliver;

    #[test]
    fn a_payer_is_thanked() -> Handled<()> {
        let payment = json!({ "user": { "email": "ada@example.org" }, "amount": 4200 });
        let email = json!({ "to": "ada@example.org", "template": "thanks" });
        assert_eq!(deliver::<thank>(payment)?, [Task::new("email.send", &email)?]);
        Ok(())
    }
}
