package plugin

import (
	"encoding/json"
	"errors"
	"testing"
	"time"
)

type order struct {
	Lines   []line            `json:"lines"`
	Buyer   *buyer            `json:"buyer"`
	Note    string            `json:"note,omitempty"`
	Due     time.Time         `json:"due,omitzero"`
	Labels  map[string]string `json:"labels,omitempty"`
	Corner  [2]float64        `json:"corner,omitzero"`
	Extra   any               `json:"extra,omitempty"`
	Quoted  int               `json:"quoted,string,omitempty"`
	private int
	embedded
}

type line struct {
	Amount uint16      `json:"amount"`
	Price  json.Number `json:"price,omitempty"`
}

type buyer struct {
	Email string `json:"email"`
	VIP   bool   `json:"vip"`
}

type embedded struct {
	Shop string `json:"shop"`
}

func TestWhatFitsIsRead(t *testing.T) {
	read, err := Decode[order]([]byte(`{
		"shop": "north", "lines": [{"amount": 7, "price": 1.50}], "buyer": null, "due": "2026-01-02T03:04:05Z",
		"labels": {"a": "b"}, "corner": [1, 2.5], "extra": [1], "quoted": "9", "unknown": {}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	if read.Lines[0] != (line{7, "1.50"}) || read.Shop != "north" || read.Quoted != 9 || read.Due.Year() != 2026 || read.private != 0 {
		t.Errorf("it was read as %+v", read)
	}
}

func TestWhatDoesNotFitIsRejectedWithThePathToIt(t *testing.T) {
	for text, want := range map[string]string{
		`[]`:                          `expected an object, found a list`,
		`{"lines": []}`:               `shop: missing`,
		`{"shop": "x"}`:               `lines: missing`,
		`{"shop": null, "lines": []}`: `shop: expected a text, found null`,
		`{"shop": "x", "lines": [{"amount": 7}, {"amount": "x"}]}`:            `lines[1].amount: expected an integer from 0 (uint16), found "x"`,
		`{"shop": "x", "lines": [{"amount": 70000}]}`:                         `lines[0].amount: expected an integer from 0 (uint16), found 70000`,
		`{"shop": "x", "lines": [{"amount": 1.5}]}`:                           `lines[0].amount: expected an integer from 0 (uint16), found 1.5`,
		`{"shop": "x", "lines": [{"Amount": 1}]}`:                             `lines[0].amount: missing`,
		`{"shop": "x", "lines": {}}`:                                          `lines: expected a list, found an object`,
		`{"shop": "x", "lines": [], "buyer": {"email": 1, "vip": true}}`:      `buyer.email: expected a text, found 1`,
		`{"shop": "x", "lines": [], "buyer": {"email": "a", "vip": "yes"}}`:   `buyer.vip: expected true or false, found "yes"`,
		`{"shop": "x", "lines": [], "labels": {"a": "b", "c": 1, "d": 2}}`:    `labels.c: expected a text, found 1`,
		`{"shop": "x", "lines": [], "corner": [1]}`:                           `corner: expected a list of 2, found one of 1`,
		`{"shop": "x", "lines": [], "corner": [1, {}]}`:                       `corner[1]: expected a number (float64), found an object`,
		`{"shop": "x", "lines": [], "due": "now"}`:                            `parsing time "now" as "2006-01-02T15:04:05Z07:00": cannot parse "now" as "2006"`,
		`{"shop": "x", "lines": []} {}`:                                       `there is more than one JSON text`,
		`{"shop": `:                                                           `unexpected EOF`,
		`{"shop": "0123456789012345678901234567890123456789012", "lines": 1}`: `lines: expected a list, found 1`,
		`{"shop": "x", "lines": "01234567890123456789012345678901234567890"}`: `lines: expected a list, found "0123456789012345678901234567890123456789"…`,
	} {
		_, err := Decode[order]([]byte(text))
		var rejected *RejectError
		if want = "the payload does not fit: " + want; !errors.As(err, &rejected) || err.Error() != want {
			t.Errorf("%s\n gives %v\nand not %s", text, err, want)
		}
	}
}

func TestScalarsAndTextsThemselvesArePayloads(t *testing.T) {
	if number, err := Decode[int]([]byte(`7`)); err != nil || number != 7 {
		t.Errorf("a number is %v, %v", number, err)
	}
	if _, err := Decode[string]([]byte(`null`)); err == nil {
		t.Error("null is a text")
	}
	if anything, err := Decode[any]([]byte(`null`)); err != nil || anything != nil {
		t.Errorf("null is %v, %v", anything, err)
	}
	if _, err := Decode[any]([]byte(`{`)); err == nil {
		t.Error("half an object is something")
	}
	if raw, err := Decode[json.RawMessage]([]byte(`{"a": 1.0}`)); err != nil || string(raw) != `{"a": 1.0}` {
		t.Errorf("a text is %s, %v", raw, err)
	}
}
