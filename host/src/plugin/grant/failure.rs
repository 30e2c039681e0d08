//! Why a request has no answer, as `wasi:http` says it.

use std::error::Error;
use std::io::{self, ErrorKind};

use http_body_util::LengthLimitError;
use wasmtime_wasi_http::Error as Failure;

use super::resolver::NotPublic;

/// What the error and those that caused it come to. A host that is not public is said in words, and so is all that the
/// interface has no word for.
pub(super) fn failure(error: &(dyn Error + 'static), request_limit: u64) -> Failure {
    let mut cause = Some(error);
    let mut last = None;
    while let Some(error) = cause {
        if let Some(NotPublic { reason, .. }) = error.downcast_ref() {
            return Failure::InternalError(Some(reason.clone()));
        }
        if error.is::<LengthLimitError>() {
            return Failure::HttpRequestBodySize(Some(request_limit));
        }
        if let Some(Failure::HttpRequestBodySize(size)) = error.downcast_ref() {
            return Failure::HttpRequestBodySize(*size);
        }
        if let Some(failure) = error.downcast_ref().and_then(of_system) {
            return failure;
        }
        last = Some(error);
        cause = error.source();
    }
    Failure::InternalError(last.map(ToString::to_string))
}

/// The first error of this kind among those that caused another.
pub(super) fn cause<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    error.downcast_ref().or_else(|| error.source().and_then(cause))
}

fn of_system(error: &io::Error) -> Option<Failure> {
    let text = error.to_string();
    Some(match error.kind() {
        ErrorKind::ConnectionRefused => Failure::ConnectionRefused,
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof => Failure::ConnectionTerminated,
        ErrorKind::TimedOut => Failure::ConnectionTimeout,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => Failure::DestinationUnavailable,
        _ if text.starts_with("failed to lookup address") => {
            Failure::DnsError { rcode: Some("the name is not found".into()), info_code: None }
        }
        _ if text.starts_with("invalid peer certificate") => Failure::TlsCertificateError,
        ErrorKind::InvalidData | ErrorKind::Other => return None,
        _ => Failure::InternalError(Some(text)),
    })
}
