//! Billing is a subscriber and a worker in one component. An order becomes the task `billing.order.charge`; to perform it,
//! billing asks an HTTP API who the customer is, charges what was ordered, and announces `org.payment.processed`, enriched
//! with the organization and the owner of the payment method. A charge that is declined is no failure of the task but
//! something that happened: `payment.declined`.

#![forbid(unsafe_code)]

use leveret_plugin::http::{self, Request, Response};
use leveret_plugin::prelude::*;

#[derive(Deserialize, Serialize)]
struct Order {
    number: String,
    customer: String,
    lines: Value,
}

/// As the API knows it.
#[derive(Deserialize)]
struct Customer {
    organization: Value,
    email: String,
}

/// As the API makes it.
#[derive(Deserialize)]
struct Charge {
    amount: u64,
    currency: String,
}

#[subscribe("order.placed")]
fn charge_order(event: Event<Order>) -> Handled<Task> {
    Ok(Task::new("order.charge", &event.payload)?.key(&event.payload.customer))
}

#[perform("order.charge")]
fn charge(task: Assignment<Order>) -> Handled<Announcement> {
    let Order { number, customer, lines } = &task.payload;
    let known: Customer =
        good(&http::send(&Request::get(at(&format!("/customers/{}", escaped(customer)))?))?)?.json()?;
    let request = Request::post(at("/charges")?)
        // The API charges once, however often the task is performed.
        .header("idempotency-key", &task.id)
        .json(&json!({ "order": number, "organization": known.organization["id"], "lines": lines }))?;
    let response = http::send(&request)?;
    if response.status == 402 {
        let declined = json!({ "order": number, "lines": lines, "reason": response.text() });
        return Announcement::new("payment.declined", &declined);
    }
    let Charge { amount, currency } = good(&response)?.json()?;
    let payment = json!({
        "order": number,
        "organization": known.organization,
        "amount": amount,
        "currency": currency,
        "paymentMethodOwner": { "email": known.email },
    });
    Announcement::new("org.payment.processed", &payment)
}

/// An address of the API.
fn at(path: &str) -> Handled<String> {
    let url = setting("billing-url").ok_or_else(|| retry("`billing-url` is missing in the settings of billing"))?;
    Ok(format!("{}{path}", url.trim_end_matches('/')))
}

/// A customer's name as part of a path (RFC 3986, 2.1).
fn escaped(name: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    name.bytes().map(escape).collect()
}

fn good(response: &Response) -> Handled<&Response> {
    match response.status {
        200..300 => Ok(response),
        400..500 => Err(reject(format!("the billing API refused it with {}: {}", response.status, response.text()))),
        status => Err(retry(format!("the billing API answered {status}"))),
    }
}

leveret_plugin::plugin! {
    subscribers: [charge_order],
    workers: [charge],
    emits: ["order.charge"],
    announces: ["org.payment.processed", "payment.declined"],
}

#[cfg(test)]
mod tests {
    use super::*;
    use leveret_plugin::test::{deliver, perform, with_http, with_settings};

    fn order() -> Value {
        json!({ "number": "EC-1879", "customer": "Lewis Latimer", "lines": [{ "part": "axle-9", "quantity": 2 }] })
    }

    fn charged(status: u16, body: &'static str) -> Handled<Performed> {
        let api = move |request: &Request| {
            if request.url.ends_with("/customers/Lewis%20Latimer") {
                let customer = r#"{ "organization": { "id": 1, "name": "Runnable" }, "email": "grace@example.org" }"#;
                return Ok(Response::new(200, customer));
            }
            Ok(Response::new(status, body))
        };
        with_settings([("billing-url", "https://billing.example")], || with_http(api, || perform::<charge>(order())))
    }

    #[test]
    fn an_order_is_charged_by_customer_in_order() -> Handled<()> {
        let task = Task::new("order.charge", &order())?.key("Lewis Latimer");
        assert_eq!(deliver::<charge_order>(order())?, [task]);
        Ok(())
    }

    #[test]
    fn a_charge_is_announced_with_who_paid_it() -> Handled<()> {
        let payment = json!({
            "order": "EC-1879",
            "organization": { "id": 1, "name": "Runnable" },
            "amount": 4200,
            "currency": "usd",
            "paymentMethodOwner": { "email": "grace@example.org" },
        });
        let performed = charged(201, r#"{ "amount": 4200, "currency": "usd" }"#)?;
        assert_eq!(performed.announcements, [Announcement::new("org.payment.processed", &payment)?]);
        Ok(())
    }

    #[test]
    fn a_declined_charge_is_an_event_and_no_failure() -> Handled<()> {
        let declined = json!({ "order": "EC-1879", "lines": order()["lines"], "reason": "no funds" });
        assert_eq!(charged(402, "no funds")?.announcements, [Announcement::new("payment.declined", &declined)?]);
        Ok(())
    }

    #[test]
    fn an_api_that_is_away_is_asked_again() {
        assert_eq!(charged(502, ""), Err(retry("the billing API answered 502")));
    }
}
