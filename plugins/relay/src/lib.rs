//! A relay: it filters shipments, enriches them with their zone, and shards them by customer into the lanes of its own
//! application, `relay.shard-0.ship` to `relay.shard-3.ship`.

#![forbid(unsafe_code)]

use leveret_plugin::prelude::*;

/// The tasks of the lanes, by their names within the application.
const LANES: [&str; 4] = ["shard-0.ship", "shard-1.ship", "shard-2.ship", "shard-3.ship"];

#[derive(Deserialize)]
struct Shipment {
    number: String,
    customer: String,
    /// ISO 3166-1, two letters.
    country: String,
    /// Nothing is to be sent.
    #[serde(default)]
    rehearsal: bool,
}

#[derive(Serialize)]
struct Order<'a> {
    number: &'a str,
    customer: &'a str,
    zone: &'static str,
}

#[subscribe("shipment.requested")]
fn relay_shipment(event: Event<Shipment>) -> Handled {
    let Shipment { number, customer, country, rehearsal } = &event.payload;
    if *rehearsal {
        return Ok(vec![]);
    }
    let order = Order { number, customer, zone: zone(country) };
    Ok(vec![Task::new(lane(customer), &order)?.key(customer)])
}

/// What the price depends on.
fn zone(country: &str) -> &'static str {
    match country {
        "US" => "domestic",
        "CA" | "MX" => "neighbour",
        _ => "world",
    }
}

/// The lane of a customer: always the same one, whichever version of Rust built the plugin (FNV-1a, 32 bits).
fn lane(customer: &str) -> &'static str {
    let hash = customer.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    LANES[hash as usize % LANES.len()]
}

leveret_plugin::plugin! {
    subscribers: [relay_shipment],
    emits: ["shard-0.ship", "shard-1.ship", "shard-2.ship", "shard-3.ship"],
}

#[cfg(test)]
mod tests {
    use super::*;
    use leveret_plugin::test::deliver;
    use std::collections::BTreeSet;

    #[test]
    fn a_shipment_is_enriched_with_its_zone_and_ordered_by_its_customer() -> Handled<()> {
        let shipment = json!({ "number": "S-1", "customer": "Ada", "country": "CA" });
        let order = json!({ "number": "S-1", "customer": "Ada", "zone": "neighbour" });
        assert_eq!(deliver::<relay_shipment>(shipment)?, [Task::new(lane("Ada"), &order)?.key("Ada")]);
        Ok(())
    }

    #[test]
    fn a_rehearsal_makes_no_task() {
        let rehearsal = json!({ "number": "S-1", "customer": "Ada", "country": "US", "rehearsal": true });
        assert_eq!(deliver::<relay_shipment>(rehearsal), Ok(vec![]));
    }

    #[test]
    fn a_customer_keeps_to_one_lane_and_customers_fill_all_lanes() {
        assert_eq!(lane("Ada"), lane("Ada"));
        let lanes: BTreeSet<_> = (0..100).map(|number| lane(&format!("customer-{number}"))).collect();
        assert_eq!(lanes, BTreeSet::from(LANES));
    }
}
