//! Counts what was sold: by model, how often and for how much. A late-comer, since orders were sold before it was there: with
//! `start = "first"` it is given those too.
//!
//! A task may be performed again, if the host dies before it is settled. So a sale is written down under its task's id, which
//! does no harm twice, and totals are made of what is written down. To add to a total and to note that it was done would be
//! two steps, and the host can die between them.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;

use leveret_plugin::keyvalue::{self, Bucket};
use leveret_plugin::prelude::*;
use leveret_plugin::serde_json;

/// In front of the ids of the tasks whose sales are written down.
const SALE: &str = "sale/";
/// How many tasks were performed, those that came again included.
const PERFORMED: &str = "performed";

/// What of an order matters here.
#[derive(Deserialize, Serialize)]
struct Sale {
    model: String,
    /// In cents.
    amount: u64,
}

#[derive(Default, Serialize)]
struct Total {
    count: u64,
    /// In cents.
    amount: u64,
}

#[subscribe("order.sold")]
fn count(event: Event<Sale>) -> Handled<Task> {
    Task::new("sale.count", &event.payload)
}

#[subscribe("time.one-day.passed")]
fn tell_totals(event: Event<Value>) -> Handled<Task> {
    Task::new("totals.tell", &json!({ "until": event.payload["tick"] }))
}

#[perform("sale.count")]
fn count_sale(task: Assignment<Sale>) -> Handled<()> {
    let sales = sales()?;
    sales.set(&format!("{SALE}{}", task.id), serde_json::to_vec(&task.payload)?)?;
    sales.increment(PERFORMED, 1)?;
    Ok(())
}

#[perform("totals.tell")]
fn tell(task: Assignment<Value>) -> Handled<Announcement> {
    let sales = sales()?;
    let (mut models, mut all): (BTreeMap<String, Total>, _) = (BTreeMap::new(), Total::default());
    for key in sales.keys() {
        let key = key?;
        let Some(sale) = key.strip_prefix(SALE).and_then(|_| sales.get(&key).transpose()).transpose()? else {
            continue;
        };
        let sale: Sale = serde_json::from_slice(&sale)?;
        for total in [models.entry(sale.model).or_default(), &mut all] {
            total.count += 1;
            total.amount += sale.amount;
        }
    }
    let until = &task.payload["until"];
    Announcement::new("sales.totalled", &json!({ "until": until, "all": all, "models": models }))
}

fn sales() -> Handled<Bucket> {
    Ok(keyvalue::open("sales")?)
}

leveret_plugin::plugin! {
    subscribers: [count, tell_totals],
    workers: [count_sale, tell],
    emits: ["sale.count", "totals.tell"],
    announces: ["sales.totalled"],
}

#[cfg(test)]
mod tests {
    use super::*;
    use leveret_plugin::test::{deliver, perform, with_buckets};

    fn sold(id: &str, model: &str, amount: u64) -> Handled<Assignment<Sale>> {
        let sale = serde_json::from_value(json!({ "model": model, "amount": amount }))?;
        Ok(Assignment { id: id.into(), ..Assignment::sample("sale.count", sale) })
    }

    #[test]
    fn a_sale_that_is_counted_twice_is_one_sale() -> Handled<()> {
        let told = with_buckets(["sales"], || {
            for (id, model, amount) in [("a", "T1", 100), ("b", "T1", 150), ("a", "T1", 100), ("c", "S2", 7)] {
                count_sale(sold(id, model, amount)?)?;
            }
            perform::<tell>(json!({ "until": "2030-01-31T00:00:00Z" }))
        })?;
        let totals = json!({
            "until": "2030-01-31T00:00:00Z",
            "all": { "count": 3, "amount": 257 },
            "models": { "S2": { "count": 1, "amount": 7 }, "T1": { "count": 2, "amount": 250 } },
        });
        assert_eq!(told.announcements, [Announcement::new("sales.totalled", &totals)?]);
        Ok(())
    }

    #[test]
    fn what_is_sold_is_counted_and_every_day_the_totals_are_told() -> Handled<()> {
        let order = json!({ "id": "EC-1879", "model": "T1", "amount": 100 });
        let counted = Task::new("sale.count", &json!({ "model": "T1", "amount": 100 }))?;
        assert_eq!(deliver::<count>(order)?, [counted]);
        let passed = json!({ "tick": "2030-01-31T00:00:00Z", "period": "P1D", "missed": 0 });
        let tell = Task::new("totals.tell", &json!({ "until": "2030-01-31T00:00:00Z" }))?;
        assert_eq!(deliver::<tell_totals>(passed)?, [tell]);
        Ok(())
    }
}
