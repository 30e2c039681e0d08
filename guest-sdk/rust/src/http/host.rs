//! Over `wasi:http`.

use super::url::Url;
use super::{Error, Request, Response};
use crate::bindings::grants::wasi::http::outgoing_handler::handle;
use crate::bindings::grants::wasi::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme,
    http_error_code,
};
use crate::bindings::grants::wasi::io::streams::StreamError;

/// What one write may carry.
const CHUNK: usize = 4096;

pub fn send(request: &Request, url: &Url) -> Result<Response, Error> {
    let outgoing = outgoing(request, url)?;
    // Where none is taken the host knows that there is none, and need not announce one.
    let body = if request.body.is_empty() { None } else { Some(outgoing.body().map_err(|()| taken())?) };
    let response = handle(outgoing, None).map_err(code)?;
    // A host that has refused takes no body; why it refused is in the response.
    let written = body.map_or(Ok(()), |body| write(body, &request.body));
    let response = wait(&response)?;
    written?;
    read(response, request.response_limit)
}

fn outgoing(request: &Request, url: &Url) -> Result<OutgoingRequest, Error> {
    let mut fields: Vec<_> =
        request.headers.iter().map(|(name, value)| (name.clone(), value.clone().into_bytes())).collect();
    let expects_body = matches!(request.method.as_str(), "POST" | "PUT" | "PATCH");
    if expects_body || !request.body.is_empty() {
        fields.push(("content-length".into(), request.body.len().to_string().into_bytes()));
    }
    let fields =
        Fields::from_list(&fields).map_err(|error| invalid(format!("one of its headers is refused: {error:?}")))?;
    let outgoing = OutgoingRequest::new(fields);
    let scheme = if url.is_secure { Scheme::Https } else { Scheme::Http };
    outgoing.set_method(&method(&request.method)).map_err(|()| invalid(format!("its method {:?}", request.method)))?;
    outgoing.set_scheme(Some(&scheme)).map_err(|()| invalid(format!("the URL {:?}", request.url)))?;
    outgoing
        .set_authority(Some(url.authority))
        .and_then(|()| outgoing.set_path_with_query(Some(&url.path_with_query)))
        .map_err(|()| invalid(format!("the URL {:?}", request.url)))?;
    Ok(outgoing)
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "OPTIONS" => Method::Options,
        "PATCH" => Method::Patch,
        other => Method::Other(other.into()),
    }
}

fn write(body: OutgoingBody, bytes: &[u8]) -> Result<(), Error> {
    let stream = body.write().map_err(|()| taken())?;
    for chunk in bytes.chunks(CHUNK) {
        stream.blocking_write_and_flush(chunk).map_err(broken)?;
    }
    drop(stream);
    OutgoingBody::finish(body, None).map_err(code)
}

fn wait(response: &FutureIncomingResponse) -> Result<IncomingResponse, Error> {
    loop {
        match response.get() {
            Some(Ok(answered)) => return answered.map_err(code),
            Some(Err(())) => return Err(taken()),
            None => response.subscribe().block(),
        }
    }
}

fn read(response: IncomingResponse, limit: usize) -> Result<Response, Error> {
    let status = response.status();
    let text = |value: Vec<u8>| String::from_utf8_lossy(&value).into_owned();
    let headers = response.headers().entries().into_iter().map(|(name, value)| (name, text(value))).collect();
    let body = response.consume().map_err(|()| taken())?;
    let stream = body.stream().map_err(|()| taken())?;
    let mut bytes = Vec::new();
    loop {
        // One byte more than allowed tells that there are more.
        let room = (limit - bytes.len()).saturating_add(1) as u64;
        match stream.blocking_read(room.min(64 << 10)) {
            Ok(read) => bytes.extend(read),
            Err(StreamError::Closed) => return Ok(Response { status, headers, body: bytes }),
            Err(error) => return Err(broken(error)),
        }
        if bytes.len() > limit {
            return Err(Error::TooLarge(limit));
        }
    }
}

fn broken(error: StreamError) -> Error {
    match error {
        StreamError::Closed => Error::Failed("the connection was closed".into()),
        StreamError::LastOperationFailed(error) => {
            http_error_code(&error).map_or_else(|| Error::Failed(error.to_debug_string()), code)
        }
    }
}

/// The host's words, where it has some.
fn code(code: ErrorCode) -> Error {
    Error::Failed(match code {
        ErrorCode::InternalError(Some(reason)) => reason,
        ErrorCode::HttpRequestDenied => "the host denied it".into(),
        ErrorCode::DestinationIpProhibited => "the host denied the address that the name stands for".into(),
        ErrorCode::DestinationNotFound => "there is no such host".into(),
        ErrorCode::DnsTimeout => "looking up the name took too long".into(),
        ErrorCode::DnsError(error) => format!("looking up the name failed: {}", error.rcode.unwrap_or_default()),
        ErrorCode::ConnectionRefused => "the connection was refused".into(),
        ErrorCode::ConnectionTerminated => "the connection was lost".into(),
        ErrorCode::ConnectionTimeout => "connecting took too long".into(),
        ErrorCode::ConnectionReadTimeout | ErrorCode::HttpResponseTimeout => "the response took too long".into(),
        ErrorCode::ConnectionWriteTimeout => "writing the request took too long".into(),
        ErrorCode::TlsCertificateError => "the server's certificate is not trusted".into(),
        ErrorCode::HttpRequestBodySize(limit) => sized("the request's body is too large", limit),
        ErrorCode::HttpResponseBodySize(limit) => sized("the response's body is too large", limit),
        other => format!("{other:?}"),
    })
}

fn sized(what: &str, limit: Option<u64>) -> String {
    limit.map_or_else(|| what.into(), |limit| format!("{what}: {limit} bytes"))
}

/// What can be taken once was taken before: a fault of this library.
fn taken() -> Error {
    Error::Failed("a body was taken twice".into())
}

fn invalid(reason: String) -> Error {
    Error::Invalid(reason)
}
