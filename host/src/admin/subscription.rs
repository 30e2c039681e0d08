//! Subscriptions, and the operator's hand on them: breakers by queue, pauses by plugin.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::status::{self, SubscriptionReport};
use super::{Seen, problem};
use crate::name::PluginId;

pub(super) async fn list(State(seen): State<Seen>) -> Json<Vec<SubscriptionReport>> {
    Json(status::subscriptions(&seen).await)
}

pub(super) async fn trip(State(seen): State<Seen>, Path(queue): Path<String>) -> Response {
    breaker(&queue, seen.dispatch.trip(&queue))
}

pub(super) async fn reset(State(seen): State<Seen>, Path(queue): Path<String>) -> Response {
    breaker(&queue, seen.dispatch.reset(&queue))
}

fn breaker(queue: &str, known: bool) -> Response {
    if known {
        return Json(json!({ "queue": queue })).into_response();
    }
    let error = format!("no subscription has the queue {queue:?}; `leveret breaker list` shows them");
    problem(StatusCode::NOT_FOUND, error)
}

pub(super) async fn pause_main(State(seen): State<Seen>, Path(app): Path<String>) -> Response {
    of_plugin(&app, |plugin| seen.dispatch.pause(plugin))
}

pub(super) async fn pause(State(seen): State<Seen>, Path((app, plugin)): Path<(String, String)>) -> Response {
    of_plugin(&format!("{app}/{plugin}"), |plugin| seen.dispatch.pause(plugin))
}

pub(super) async fn resume_main(State(seen): State<Seen>, Path(app): Path<String>) -> Response {
    of_plugin(&app, |plugin| seen.dispatch.resume(plugin))
}

pub(super) async fn resume(State(seen): State<Seen>, Path((app, plugin)): Path<(String, String)>) -> Response {
    of_plugin(&format!("{app}/{plugin}"), |plugin| seen.dispatch.resume(plugin))
}

fn of_plugin(name: &str, act: impl FnOnce(&PluginId) -> bool) -> Response {
    let plugin: PluginId = match name.parse() {
        Ok(plugin) => plugin,
        Err(error) => return problem(StatusCode::BAD_REQUEST, error),
    };
    if act(&plugin) {
        return Json(json!({ "plugin": plugin })).into_response();
    }
    problem(StatusCode::NOT_FOUND, format!("no plugin {plugin} is live; `leveret plugin list` shows those that are"))
}
