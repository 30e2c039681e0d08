//! The other half of docker: it performs what the clock asks for, through the engine's HTTP API. An image that no container
//! uses and that is old enough goes (`image.removed` for each), and so do containers that have long stopped
//! (`containers.pruned`). To do either twice does no harm, so nothing need be remembered.

#![forbid(unsafe_code)]

use std::time::{Duration, UNIX_EPOCH};

use leveret_plugin::http::{self, Request, Response};
use leveret_plugin::prelude::*;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImageCleanup {
    older_than_minutes: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerPrune {
    stopped_for_hours: u64,
}

/// As the engine lists it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Image {
    id: String,
    /// In seconds since 1970.
    created: u64,
    /// How many containers use it; negative where the engine did not count.
    containers: i64,
    size: u64,
}

#[perform("images.cleanup")]
fn clean_up_images(task: Assignment<ImageCleanup>) -> Handled<Vec<Announcement>> {
    // As old as when the task was created: a task that had to wait removes no more than it was to.
    let now = task.time.duration_since(UNIX_EPOCH).map_err(reject)?;
    let oldest = now.saturating_sub(Duration::from_secs(task.payload.older_than_minutes * 60)).as_secs();
    let images: Vec<Image> = good(&Request::get(at("/images/json?shared-size=false")?))?.json()?;
    let idle = images.into_iter().filter(|image| image.containers == 0 && image.created <= oldest);
    idle.filter_map(|image| remove(&image).transpose()).collect()
}

/// `None` where it is gone, or a container uses it by now.
fn remove(image: &Image) -> Handled<Option<Announcement>> {
    let request = Request::delete(at(&format!("/images/{}", image.id))?);
    match http::send(&request)?.status {
        404 | 409 => Ok(None),
        200..300 => Announcement::new("image.removed", &json!({ "image": image.id, "bytes": image.size })).map(Some),
        status => Err(retry(format!("the engine answered {status} for {}", image.id))),
    }
}

#[perform("containers.prune")]
fn prune_containers(task: Assignment<ContainerPrune>) -> Handled<Announcement> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Pruned {
        containers_deleted: Option<Vec<String>>,
        space_reclaimed: u64,
    }
    // A filter is JSON in a query; here that takes `{"until":["24h"]}` with what a query cannot hold as it is escaped.
    let filters = format!("%7B%22until%22%3A%5B%22{}h%22%5D%7D", task.payload.stopped_for_hours);
    let pruned: Pruned = good(&Request::post(at(&format!("/containers/prune?filters={filters}"))?))?.json()?;
    let containers = pruned.containers_deleted.unwrap_or_default();
    Announcement::new("containers.pruned", &json!({ "containers": containers, "bytes": pruned.space_reclaimed }))
}

/// An address of the engine.
fn at(path: &str) -> Handled<String> {
    let url = setting("engine-url").ok_or_else(|| retry("`engine-url` is missing in the settings of docker/engine"))?;
    Ok(format!("{}{path}", url.trim_end_matches('/')))
}

fn good(request: &Request) -> Handled<Response> {
    let response = http::send(request)?;
    if response.is_success() { Ok(response) } else { Err(retry(format!("the engine answered {}", response.status))) }
}

leveret_plugin::plugin! {
    workers: [clean_up_images, prune_containers],
    announces: ["image.removed", "containers.pruned"],
}

#[cfg(test)]
mod tests {
    use super::*;
    use leveret_plugin::test::{perform, with_http, with_settings};

    const SETTINGS: [(&str, &str); 1] = [("engine-url", "http://engine.example:2375/")];

    fn image(id: &str, created: u64, containers: i64) -> Value {
        json!({ "Id": id, "Created": created, "Containers": containers, "Size": 7 })
    }

    #[test]
    fn old_images_that_nobody_uses_are_removed_and_announced() -> Handled<()> {
        let engine = |request: &Request| {
            let list =
                json!([image("old", 0, 0), image("used", 0, 1), image("young", u64::MAX, 0), image("gone", 0, 0)]);
            let (status, body) = match (request.method.as_str(), request.url.rsplit('/').next()) {
                ("GET", _) => (200, list.to_string()),
                ("DELETE", Some("gone")) => (404, String::new()),
                ("DELETE", Some("old")) => (200, "[]".into()),
                _ => (500, String::new()),
            };
            Ok(Response::new(status, body))
        };
        let task = json!({ "olderThanMinutes": 60 });
        let performed = with_settings(SETTINGS, || with_http(engine, || perform::<clean_up_images>(task)))?;
        let removed = Announcement::new("image.removed", &json!({ "image": "old", "bytes": 7 }))?;
        assert_eq!(performed.announcements, [removed]);
        Ok(())
    }

    #[test]
    fn what_was_pruned_is_announced() -> Handled<()> {
        let engine = |request: &Request| {
            assert!(request.url.ends_with("/containers/prune?filters=%7B%22until%22%3A%5B%2224h%22%5D%7D"));
            Ok(Response::new(200, r#"{ "ContainersDeleted": ["c1"], "SpaceReclaimed": 9 }"#))
        };
        let task = json!({ "stoppedForHours": 24 });
        let performed = with_settings(SETTINGS, || with_http(engine, || perform::<prune_containers>(task)))?;
        let pruned = Announcement::new("containers.pruned", &json!({ "containers": ["c1"], "bytes": 9 }))?;
        assert_eq!(performed.announcements, [pruned]);
        Ok(())
    }

    #[test]
    fn an_engine_that_is_away_is_asked_again() {
        let engine = |_: &Request| Ok(Response::new(500, ""));
        let task = json!({ "stoppedForHours": 24 });
        let failure = with_settings(SETTINGS, || with_http(engine, || perform::<prune_containers>(task)));
        assert_eq!(failure, Err(retry("the engine answered 500")));
    }
}
