package main

import (
	"testing"

	"leveret/plugin"
	"leveret/plugin/plugintest"
)

func TestAPayerIsThanked(t *testing.T) {
	tasks, err := plugintest.Deliver("org.payment.processed", Payment{User{"ada@example.org"}, 4200})
	if err != nil {
		t.Fatal(err)
	}
	plugintest.Equal(t, tasks, []plugin.Task{{Name: "email.send", Payload: Email{"ada@example.org", "thanks"}}})
}
