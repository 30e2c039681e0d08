package http

import (
	"fmt"

	http "leveret/plugin/internal/bindings/wasi_http_types"
)

// failed says why there is no response, in the host's words where it has some.
func failed(code http.ErrorCode) error {
	if code.Tag() == http.ErrorCodeInternalError {
		return fmt.Errorf("%w: %s", ErrFailed, code.InternalError().SomeOr("the host does not say why"))
	}
	if words, known := words[code.Tag()]; known {
		return fmt.Errorf("%w: %s", ErrFailed, words)
	}
	return fmt.Errorf("%w: the host's error code is %d", ErrFailed, code.Tag())
}

var words = map[uint8]string{
	http.ErrorCodeHttpRequestDenied:       "the host denied it",
	http.ErrorCodeDestinationIpProhibited: "the host denied the address that the name stands for",
	http.ErrorCodeDestinationNotFound:     "there is no such host",
	http.ErrorCodeDestinationUnavailable:  "the host is not available",
	http.ErrorCodeDnsTimeout:              "looking up the name took too long",
	http.ErrorCodeDnsError:                "looking up the name failed",
	http.ErrorCodeConnectionRefused:       "the connection was refused",
	http.ErrorCodeConnectionTerminated:    "the connection was lost",
	http.ErrorCodeConnectionTimeout:       "connecting took too long",
	http.ErrorCodeConnectionReadTimeout:   "the response took too long",
	http.ErrorCodeHttpResponseTimeout:     "the response took too long",
	http.ErrorCodeConnectionWriteTimeout:  "writing the request took too long",
	http.ErrorCodeTlsProtocolError:        "the server does not keep to TLS",
	http.ErrorCodeTlsCertificateError:     "the server's certificate is not trusted",
	http.ErrorCodeTlsAlertReceived:        "the server ended TLS with an alert",
	http.ErrorCodeHttpRequestBodySize:     "the request's body is too large",
	http.ErrorCodeHttpResponseIncomplete:  "the response ended early",
	http.ErrorCodeHttpResponseBodySize:    "the response's body is too large",
	http.ErrorCodeHttpProtocolError:       "the server does not keep to HTTP",
}
