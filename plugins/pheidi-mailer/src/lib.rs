//! Pheidi's mailer performs `pheidi.email.send`: it hands the mail to an HTTP API and announces `email.sent`. A mail that was
//! sent is remembered, so that a task that comes again, since the host died in between, sends it no second time.

#![forbid(unsafe_code)]

use std::time::Duration;

use leveret_plugin::http::{self, Request, Response};
use leveret_plugin::keyvalue;
use leveret_plugin::prelude::*;

#[derive(Deserialize, Serialize)]
struct Email {
    to: String,
    subject: String,
    template: String,
    substitutions: Value,
}

#[perform("email.send", schema = include_str!("../../pheidi/email.schema.json"))]
fn send(task: Assignment<Email>) -> Handled<Announcement> {
    let sent = keyvalue::open("sent")?;
    if !sent.exists(&task.id)? {
        hand_over(&task)?;
        sent.set(&task.id, &task.payload.to)?;
    }
    // Also where it was sent before: whoever died in between had not announced it yet.
    Announcement::new("email.sent", &json!({ "to": task.payload.to, "subject": task.payload.subject }))
}

fn hand_over(task: &Assignment<Email>) -> Handled<()> {
    let (url, key) = (needed("mail-url")?, needed("api-key")?);
    let request = Request::post(url)
        .header("authorization", format!("Bearer {key}"))
        // For the moment between the answer and the note that it was sent.
        .header("idempotency-key", &task.id)
        .json(&task.payload)?;
    let response = http::send(&request)?;
    match response.status {
        200..300 => Ok(()),
        429 => Err(retry("the mail API wants fewer mails").after(pause(&response))),
        400..500 => Err(reject(format!("the mail API refused it with {}: {}", response.status, response.text()))),
        status => Err(retry(format!("the mail API answered {status}"))),
    }
}

/// A setting or secret without which nothing can be sent; once the operator gives it, what waits is sent.
fn needed(name: &str) -> Handled<String> {
    setting(name).ok_or_else(|| retry(format!("`{name}` is missing in the settings of pheidi/mailer")))
}

fn pause(response: &Response) -> Duration {
    let seconds = response.header("retry-after").and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(60))
}

leveret_plugin::plugin! {
    workers: [send],
    announces: ["email.sent"],
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;
    use leveret_plugin::test::{perform, with_buckets, with_http, with_settings};

    const SETTINGS: [(&str, &str); 2] = [("mail-url", "https://mail.example/messages"), ("api-key", "s3cret")];

    fn email() -> Value {
        json!({ "to": "grace@example.org", "subject": "Hello", "template": "payment-receipt", "substitutions": {} })
    }

    fn answered(status: u16) -> Handled<Performed> {
        let headers = vec![("retry-after".to_owned(), "7".to_owned())];
        let answer = move |_: &Request| Ok(Response { headers: headers.clone(), ..Response::new(status, "no") });
        with_settings(SETTINGS, || with_buckets(["sent"], || with_http(answer, || perform::<send>(email()))))
    }

    #[test]
    fn a_mail_is_handed_over_with_the_key_and_announced() -> Handled<()> {
        let answer = |request: &Request| {
            assert_eq!(request.header_value("authorization"), Some("Bearer s3cret"));
            assert!(request.header_value("idempotency-key").is_some());
            Ok(Response::new(202, "{}"))
        };
        let performed =
            with_settings(SETTINGS, || with_buckets(["sent"], || with_http(answer, || perform::<send>(email()))))?;
        let sent = json!({ "to": "grace@example.org", "subject": "Hello" });
        assert_eq!(performed.announcements, [Announcement::new("email.sent", &sent)?]);
        Ok(())
    }

    #[test]
    fn a_task_that_comes_again_sends_nothing_and_is_announced_again() {
        let requests = Rc::new(Cell::new(0));
        let counted = requests.clone();
        let answer = move |_: &Request| {
            counted.set(counted.get() + 1);
            Ok(Response::new(202, "{}"))
        };
        let twice = || (perform::<send>(email()), perform::<send>(email()));
        let (first, again) = with_settings(SETTINGS, || with_buckets(["sent"], || with_http(answer, twice)));
        assert_eq!(first, again);
        assert_eq!(requests.get(), 1);
    }

    #[test]
    fn what_the_api_refuses_is_rejected_and_what_may_pass_is_tried_again() {
        assert_eq!(answered(422), Err(reject("the mail API refused it with 422: no")));
        assert_eq!(answered(503), Err(retry("the mail API answered 503")));
        assert_eq!(answered(429), Err(retry("the mail API wants fewer mails").after(Duration::from_secs(7))));
    }

    #[test]
    fn without_a_key_it_waits_for_the_operator() {
        let failure = with_buckets(["sent"], || perform::<send>(email()));
        assert_eq!(failure, Err(retry("`mail-url` is missing in the settings of pheidi/mailer")));
    }
}
