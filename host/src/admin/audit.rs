//! The audit log. `GET /audit` takes `plugin` (`app` or `app/plugin`) and `limit` as its query.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use url::form_urlencoded;

use super::{Seen, problem};
use crate::name::PluginId;

/// How many turns are told where nobody says how many.
const TOLD: u64 = 100;

/// What is asked for.
struct Wanted {
    plugin: Option<PluginId>,
    limit: u64,
}

impl Wanted {
    fn read(query: &str) -> Result<Self, String> {
        let mut wanted = Self { plugin: None, limit: TOLD };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "plugin" => wanted.plugin = Some(value.parse().map_err(|error| format!("`plugin`: {error}"))?),
                "limit" => wanted.limit = value.parse().map_err(|_| "`limit` is not a whole number".to_owned())?,
                name => return Err(format!("there is no `{name}` here; there are `plugin` and `limit`")),
            }
        }
        Ok(wanted)
    }
}

/// The newest turns in the lives of plugins' files, oldest first.
pub(super) async fn turns(State(seen): State<Seen>, RawQuery(query): RawQuery) -> Response {
    let Wanted { plugin, limit } = match Wanted::read(query.as_deref().unwrap_or_default()) {
        Ok(wanted) => wanted,
        Err(error) => return problem(StatusCode::BAD_REQUEST, error),
    };
    match seen.audit.turns(plugin.as_ref(), limit).await {
        Ok(turns) => Json(turns).into_response(),
        Err(error) => problem(StatusCode::SERVICE_UNAVAILABLE, error),
    }
}
