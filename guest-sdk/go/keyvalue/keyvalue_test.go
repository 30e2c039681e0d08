package keyvalue_test

import (
	"strings"
	"testing"

	"leveret/plugin/keyvalue"
	"leveret/plugin/plugintest"
)

func TestABucketKeepsWhatItWasGiven(t *testing.T) {
	plugintest.Buckets(t, "sent")
	bucket, err := keyvalue.Open("sent")
	if err != nil {
		t.Fatal(err)
	}
	defer bucket.Close()
	if _, found, err := bucket.Get("a"); found || err != nil {
		t.Errorf("a is there: %v, %v", found, err)
	}
	for key, value := range map[string][]byte{"a": []byte("1"), "b": {0, 255}} {
		if err := bucket.Set(key, value); err != nil {
			t.Fatal(err)
		}
	}
	if value, found, err := bucket.Get("b"); string(value) != "\x00\xff" || !found || err != nil {
		t.Errorf("b is %q, %v, %v", value, found, err)
	}
	var keys []string
	for key, err := range bucket.Keys() {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	if strings.Join(keys, " ") != "a b" {
		t.Errorf("the keys are %v", keys)
	}
	if sum, err := bucket.Increment("a", 2); sum != 3 || err != nil {
		t.Errorf("1 and 2 are %d, %v", sum, err)
	}
	if _, err := bucket.Increment("b", 1); err == nil {
		t.Error("bytes are counted up")
	}
	if err := bucket.Delete("a"); err != nil {
		t.Fatal(err)
	}
	if found, err := bucket.Exists("a"); found || err != nil {
		t.Errorf("a is still there: %v, %v", found, err)
	}
}

func TestABucketThatIsNotGrantedIsNamed(t *testing.T) {
	if _, err := keyvalue.Open("other"); err == nil || !strings.Contains(err.Error(), `bucket "other": it is not granted`) {
		t.Errorf("it gives %v", err)
	}
}
