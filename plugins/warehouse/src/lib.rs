//! The warehouse of Edison Cars. Each line of an order becomes a task `warehouse.part.reserve`. The part's number is
//! the ordering key, so that the reservations of one part happen one after another while other parts go on. An order that
//! fails for good becomes a task `warehouse.order.review`, for a person to look at.

#![forbid(unsafe_code)]

use leveret_plugin::prelude::*;

#[derive(Deserialize)]
struct Order {
    number: String,
    lines: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    part: String,
    quantity: u32,
}

#[derive(Serialize)]
struct Reservation<'a> {
    order: &'a str,
    part: &'a str,
    quantity: u32,
}

#[subscribe("order.placed")]
fn reserve_parts(event: Event<Order>) -> Handled {
    let Order { number, lines } = &event.payload;
    if lines.is_empty() {
        return Err(reject(format!("order {number} has no lines")));
    }
    lines.iter().map(|line| reserve(number, line)).collect()
}

fn reserve(order: &str, Line { part, quantity }: &Line) -> Result<Task, Failure> {
    if *quantity == 0 {
        return Err(reject(format!("order {order} asks for no piece of part {part}")));
    }
    Ok(Task::new("part.reserve", &Reservation { order, part, quantity: *quantity })?.key(part))
}

fn ask_for_review(message: Message, attempts: Vec<FailedAttempt>) -> Handled<Task> {
    let Message::Event(event) = message else { return Err(reject("the warehouse performs no tasks")) };
    let Event { id, payload: order, .. } = event.parse::<Value>()?;
    let reason = attempts.last().map(|attempt| attempt.reason.as_str());
    Task::new("order.review", &json!({ "event": id, "order": order["number"], "reason": reason }))
}

leveret_plugin::plugin! {
    subscribers: [reserve_parts],
    emits: ["part.reserve", "order.review"],
    recover: ask_for_review,
}

#[cfg(test)]
mod tests {
    use super::*;
    use leveret_plugin::test::deliver;

    fn order(lines: Value) -> Value {
        json!({ "number": "EC-1879", "customer": "Lewis Latimer", "lines": lines })
    }

    #[test]
    fn each_line_becomes_a_reservation_ordered_by_part() -> Handled<()> {
        let tasks = deliver::<reserve_parts>(order(json!([
            { "part": "axle-9", "quantity": 2 },
            { "part": "lamp-3", "quantity": 4 },
        ])))?;
        let axles = json!({ "order": "EC-1879", "part": "axle-9", "quantity": 2 });
        let lamps = json!({ "order": "EC-1879", "part": "lamp-3", "quantity": 4 });
        let reservations =
            [Task::new("part.reserve", &axles)?.key("axle-9"), Task::new("part.reserve", &lamps)?.key("lamp-3")];
        assert_eq!(tasks, reservations);
        Ok(())
    }

    #[test]
    fn an_order_without_lines_is_rejected() {
        assert_eq!(deliver::<reserve_parts>(order(json!([]))), Err(reject("order EC-1879 has no lines")));
    }

    #[test]
    fn a_line_that_asks_for_nothing_rejects_the_whole_order() {
        let lines = json!([{ "part": "axle-9", "quantity": 2 }, { "part": "lamp-3", "quantity": 0 }]);
        let failure = deliver::<reserve_parts>(order(lines));
        assert_eq!(failure, Err(reject("order EC-1879 asks for no piece of part lamp-3")));
    }

    #[test]
    fn an_order_that_failed_for_good_is_looked_at_by_a_person() -> Handled<()> {
        let message = Message::Event(Event::sample("order.placed", order(json!([])).to_string()));
        let attempts = vec![FailedAttempt::sample(1, "order EC-1879 has no lines")];
        let review = json!({ "event": "sample-id", "order": "EC-1879", "reason": "order EC-1879 has no lines" });
        assert_eq!(ask_for_review(message, attempts)?, Task::new("order.review", &review)?);
        Ok(())
    }
}
