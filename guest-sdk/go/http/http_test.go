package http_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"leveret/plugin/http"
	"leveret/plugin/plugintest"
)

func TestATestAnswersRequests(t *testing.T) {
	plugintest.HTTP(t, func(request http.Request) (http.Response, error) {
		body := fmt.Sprint(request.Method, " ", request.URL, " ", request.Headers["a"], " ", string(request.Body))
		return http.Response{Status: 202, Headers: map[string]string{"x-id": "7"}, Body: []byte(body)}, nil
	})
	request := http.Request{URL: "https://a.example/b", Headers: map[string]string{"a": "c"}, Body: []byte("d")}
	response, err := http.Send(request)
	if err != nil || !response.IsSuccess() || response.Header("X-Id") != "7" {
		t.Fatalf("it is %v, %v", response, err)
	}
	if got := string(response.Body); got != "GET https://a.example/b c d" {
		t.Errorf("the request is %s", got)
	}
	request.ResponseLimit = 3
	if _, err := http.Send(request); !errors.Is(err, http.ErrTooLarge) {
		t.Errorf("a large response gives %v", err)
	}
}

func TestWithoutAnAnswerARequestFails(t *testing.T) {
	if _, err := http.Send(http.Request{URL: "https://a.example"}); !errors.Is(err, http.ErrFailed) {
		t.Errorf("it gives %v", err)
	}
}

func TestWhatIsNoURLIsNoLegalRequest(t *testing.T) {
	for text, reason := range map[string]string{
		"a.example/b":           "does not begin with https://",
		"ftp://a.example":       "does not begin with https://",
		"https:///b":            "names no host",
		"https://me:pw@a.examp": "authorization",
		"https://a b/":          "invalid character",
	} {
		if _, err := http.Send(http.Request{URL: text}); !errors.Is(err, http.ErrInvalid) || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s gives %v", text, err)
		}
	}
}
