//! `leveret top`: which plugin costs what.

use std::io::IsTerminal;
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Output;
use super::api::Api;
use super::error::CliError;
use super::text::table;
use crate::admin::{PluginCost, Spent};
use crate::config::Settings;

/// How often what is on the screen is asked for anew.
const PAUSE: Duration = Duration::from_secs(1);

/// Lists the plugins by what they cost in the last minute, whatever came of their deliveries. On a terminal it goes on
/// until Ctrl-C.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  leveret top --by memory
  leveret top --once --by host-time

TIME/S      time on a processor, for each second: 1s is one processor at work all the time
HOST/S      time by the clock in the host's calls on the plugin's behalf, waiting included
P50, P99    what half of the deliveries, and 99 in a hundred, took at the most, to within a quarter
MEMORY      what one delivery had at the most
IN/S, OUT/S payload that went in and came out")]
pub(super) struct Top {
    /// What comes first: the largest of these.
    #[arg(long, value_enum, default_value_t = By::Time)]
    by: By,
    /// Show it once, and end.
    #[arg(long)]
    once: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    /// Time on a processor.
    Time,
    /// Time in the host's calls.
    HostTime,
    /// Peak memory of a delivery.
    Memory,
    /// How many deliveries.
    Deliveries,
    /// Bytes of payload in and out.
    Bytes,
}

impl Top {
    pub(super) fn run(self, settings: &Settings, output: Output) -> Result<(), CliError> {
        let api = Api::new(settings);
        let spent = self.fetch(&api)?;
        if output.json || self.once || !std::io::stdout().is_terminal() {
            return output.answer(&spent, || human(&spent));
        }
        let screen = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout());
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            screen.set_style(style);
        }
        screen.set_message(human(&spent));
        loop {
            std::thread::sleep(PAUSE);
            match self.fetch(&api) {
                Ok(spent) => screen.set_message(human(&spent)),
                // What was last there stays on the screen.
                Err(error) => {
                    screen.abandon();
                    return Err(error);
                }
            }
        }
    }

    fn fetch(&self, api: &Api) -> Result<Spent, CliError> {
        let mut spent: Spent = api.fetch("/costs")?;
        sort(&mut spent.plugins, self.by);
        Ok(spent)
    }
}

/// The largest first; of those that are alike, by name.
fn sort(plugins: &mut [PluginCost], by: By) {
    plugins.sort_by(|one, other| one.plugin.cmp(&other.plugin));
    plugins.sort_by_key(|cost| {
        std::cmp::Reverse(match by {
            By::Time => cost.wasm_time_us,
            By::HostTime => cost.host_time_us,
            By::Memory => cost.peak_memory,
            By::Deliveries => cost.deliveries,
            By::Bytes => cost.bytes_in + cost.bytes_out,
        })
    });
}

fn human(spent: &Spent) -> String {
    let seconds = spent.seconds.max(1.0);
    let micros = |micros: u64| format!("{:?}", Duration::from_micros(micros));
    let each_second = |number: u64| (number as f64 / seconds).round() as u64;
    let row = |cost: &PluginCost| {
        vec![
            cost.plugin.clone(),
            micros(each_second(cost.wasm_time_us)),
            micros(each_second(cost.host_time_us)),
            format!("{:.1}", cost.deliveries as f64 / seconds),
            cost.failures.to_string(),
            micros(cost.time_p50_us),
            micros(cost.time_p99_us),
            HumanBytes(cost.peak_memory).to_string(),
            HumanBytes(each_second(cost.bytes_in)).to_string(),
            HumanBytes(each_second(cost.bytes_out)).to_string(),
        ]
    };
    let rows: Vec<_> = spent.plugins.iter().map(row).collect();
    let heads = ["plugin", "time/s", "host/s", "deliveries/s", "failed", "p50", "p99", "memory", "in/s", "out/s"];
    format!("over the last {:.0} s\n{}", spent.seconds, table(&heads, &rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spent() -> Spent {
        let busy = PluginCost {
            plugin: "busy".into(),
            deliveries: 600,
            failures: 7,
            wasm_time_us: 30_000_000,
            host_time_us: 60_000,
            time_p50_us: 1234,
            time_p99_us: 80_000,
            peak_memory: 1 << 20,
            bytes_in: 61_440,
            bytes_out: 0,
        };
        let waiting = PluginCost {
            plugin: "waiting".into(),
            deliveries: 6,
            host_time_us: 90_000_000,
            peak_memory: 3 << 20,
            bytes_out: 1 << 20,
            ..PluginCost::default()
        };
        Spent { seconds: 60.0, plugins: vec![busy, waiting] }
    }

    #[test]
    fn plugins_are_listed_with_their_costs_for_each_second() {
        let expected = "\
over the last 60 s
PLUGIN   TIME/S  HOST/S  DELIVERIES/S  FAILED  P50      P99   MEMORY    IN/S      OUT/S
busy     500ms   1ms     10.0          7       1.234ms  80ms  1.00 MiB  1.00 KiB  0 B
waiting  0ns     1.5s    0.1           0       0ns      0ns   3.00 MiB  0 B       17.07 KiB
";
        assert_eq!(human(&spent()), expected);
    }

    #[test]
    fn the_largest_comes_first() {
        let first = |by| {
            let mut spent = spent();
            sort(&mut spent.plugins, by);
            spent.plugins[0].plugin.clone()
        };
        assert_eq!([By::Time, By::Deliveries].map(first), ["busy", "busy"]);
        assert_eq!([By::HostTime, By::Memory, By::Bytes].map(first), ["waiting", "waiting", "waiting"]);
    }
}
