//! The services that the samples' workers ask over HTTP, as small as they can be: a mailbox, and who pays.

use std::net::{Ipv4Addr, SocketAddr};

use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::super::error::CliError;
use super::failed;

/// Whose charges are declined.
const WITHOUT_FUNDS: &str = "Thomas Edison";
const WITHOUT_FUNDS_NUMBER: usize = 1000;

/// Serves them on loopback, for as long as the demo runs. Returns where.
pub(super) async fn serve() -> Result<SocketAddr, CliError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let router = Router::new()
        .route("/mails", post(async || StatusCode::ACCEPTED))
        .route("/customers/{name}", get(customer))
        .route("/charges", post(charge));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

async fn customer(Path(name): Path<String>) -> Json<Value> {
    let email = format!("{}@example.org", name.to_lowercase().replace(' ', "."));
    Json(json!({ "organization": { "id": number(&name), "name": name }, "email": email }))
}

/// Who it is: the same number each time.
fn number(name: &str) -> usize {
    if name == WITHOUT_FUNDS { WITHOUT_FUNDS_NUMBER } else { name.len() }
}

async fn charge(Json(order): Json<Value>) -> (StatusCode, Json<Value>) {
    if order["organization"] == WITHOUT_FUNDS_NUMBER {
        return (StatusCode::PAYMENT_REQUIRED, Json(json!("no funds")));
    }
    (StatusCode::CREATED, Json(json!({ "amount": 4200, "currency": "usd" })))
}
