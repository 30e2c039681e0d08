//! Plugins that are replaced, broken and removed while everything else goes on.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use leveret_tests::guests;
use tokio_util::sync::CancellationToken;

use crate::account::Account;
use crate::deck::Tally;
use crate::dice::Dice;
use crate::host::Host;
use crate::scenario::{PEACEFUL, PUPPETS};

/// Replaces plugins until it is told to stop, and then makes them all peaceful.
pub async fn run(host: Arc<Host>, account: Arc<Account>, tally: Arc<Tally>, stop: CancellationToken) {
    let mut dice = Dice::new(account.seed, "reloads");
    while stop.run_until_cancelled(reload(&host, &tally, &mut dice)).await.is_some() {}
    for puppet in &PUPPETS {
        host.put(puppet.app, &guests::puppet_as(PEACEFUL));
    }
}

/// One reload of one plugin. Whatever is broken for a moment is mended by the file that comes last.
async fn reload(host: &Host, tally: &Tally, dice: &mut Dice) {
    tokio::time::sleep(dice.duration(Duration::from_millis(200), Duration::from_millis(2500))).await;
    let puppet = dice.pick(&PUPPETS);
    let role: &&str = dice.pick(puppet.roles);
    let good = guests::puppet_as(role);
    let file = host.plugins().join(format!("{}.wasm", puppet.app));
    let moment = dice.duration(Duration::from_millis(100), Duration::from_millis(1500));
    match dice.throw(10) {
        0 => {
            host.put(puppet.app, b"no component at all");
            tally.count("bad file");
            tokio::time::sleep(moment).await;
        }
        1 => {
            // As a careless copy does it: written in place, and for a moment only half there.
            fs::write(&file, &good[..good.len() / 2]).expect("written");
            tally.count("half a file");
            tokio::time::sleep(moment).await;
        }
        2 => {
            fs::remove_file(&file).expect("removed");
            tally.count("removal");
            tokio::time::sleep(moment).await;
        }
        3 => {
            // A version that nobody has compiled yet.
            let good = guests::another_version(&good, &dice.throw(u64::MAX).to_string());
            host.put(puppet.app, &good);
            tally.count("reload");
            return;
        }
        _ => {}
    }
    host.put(puppet.app, &good);
    tally.count("reload");
}
