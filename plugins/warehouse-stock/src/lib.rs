//! The warehouse's stock performs `warehouse.part.reserve` and `warehouse.part.release`, and keeps who has reserved what in a
//! bucket. It subscribes to `payment.declined`, since the parts of an order that is not paid are for others: the step back
//! in a saga of three applications (order, payment, parts).

#![forbid(unsafe_code)]

use leveret_plugin::keyvalue::{self, Bucket};
use leveret_plugin::prelude::*;

/// How many pieces of a part one order gets, unless the setting `most` says otherwise.
const MOST: u32 = 100;

#[derive(Deserialize)]
struct Declined {
    order: String,
    lines: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    part: String,
}

#[derive(Deserialize, Serialize)]
struct Reservation {
    order: String,
    part: String,
    quantity: u32,
}

#[derive(Deserialize, Serialize)]
struct Release {
    order: String,
    part: String,
}

#[subscribe("payment.declined")]
fn release_parts(event: Event<Declined>) -> Handled {
    let Declined { order, lines } = &event.payload;
    let release =
        |Line { part }: &Line| Ok(Task::new("part.release", &json!({ "order": order, "part": part }))?.key(part));
    lines.iter().map(release).collect()
}

/// To reserve twice what an order has reserved changes nothing, so the task may come again.
#[perform("part.reserve")]
fn reserve(task: Assignment<Reservation>) -> Handled<Announcement> {
    let Reservation { order, part, quantity } = &task.payload;
    let most = setting("most").and_then(|most| most.parse().ok()).unwrap_or(MOST);
    if *quantity > most {
        return Announcement::new("part.missing", &task.payload);
    }
    stock()?.set(&place(order, part), quantity.to_string())?;
    Announcement::new("part.reserved", &task.payload)
}

#[perform("part.release")]
fn release(task: Assignment<Release>) -> Handled<Announcement> {
    let Release { order, part } = &task.payload;
    stock()?.delete(&place(order, part))?;
    Announcement::new("part.released", &task.payload)
}

fn stock() -> Handled<Bucket> {
    Ok(keyvalue::open("reservations")?)
}

fn place(order: &str, part: &str) -> String {
    format!("{part}/{order}")
}

leveret_plugin::plugin! {
    subscribers: [release_parts],
    workers: [reserve, release],
    emits: ["part.release"],
    announces: ["part.reserved", "part.missing", "part.released"],
}

#[cfg(test)]
mod tests {
    use super::*;
    use leveret_plugin::test::{deliver, perform, with_buckets};

    fn reservation(quantity: u32) -> Value {
        json!({ "order": "EC-1879", "part": "axle-9", "quantity": quantity })
    }

    #[test]
    fn what_is_reserved_is_kept_until_it_is_released() {
        let kept = || stock().and_then(|stock| Ok(stock.get("axle-9/EC-1879")?));
        with_buckets(["reservations"], || {
            let reserved = Announcement::new("part.reserved", &reservation(2));
            assert_eq!(
                perform::<reserve>(reservation(2)).map(|made| made.announcements),
                reserved.map(|one| vec![one])
            );
            assert_eq!(kept(), Ok(Some(b"2".to_vec())));
            assert!(perform::<release>(json!({ "order": "EC-1879", "part": "axle-9" })).is_ok());
            assert_eq!(kept(), Ok(None));
        });
    }

    #[test]
    fn more_than_an_order_gets_is_missing() -> Handled<()> {
        let made = with_buckets(["reservations"], || perform::<reserve>(reservation(101)))?;
        assert_eq!(made.announcements, [Announcement::new("part.missing", &reservation(101))?]);
        Ok(())
    }

    #[test]
    fn the_parts_of_an_order_that_is_not_paid_are_released() -> Handled<()> {
        let declined = json!({ "order": "EC-1879", "lines": [{ "part": "axle-9", "quantity": 2 }], "reason": "no" });
        let release = Task::new("part.release", &json!({ "order": "EC-1879", "part": "axle-9" }))?.key("axle-9");
        assert_eq!(deliver::<release_parts>(declined)?, [release]);
        Ok(())
    }
}
