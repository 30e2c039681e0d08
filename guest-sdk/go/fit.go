package plugin

import (
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

var (
	readsJSON = reflect.TypeFor[json.Unmarshaler]()
	readsText = reflect.TypeFor[encoding.TextUnmarshaler]()
	number    = reflect.TypeFor[json.Number]()
)

// fit says what of a JSON value, as encoding/json reads it into an `any`, does not fit a type, and where. What it does not
// know it leaves to encoding/json.
func fit(wanted reflect.Type, found any, path string) error {
	if pointer := reflect.PointerTo(wanted); pointer.Implements(readsJSON) || pointer.Implements(readsText) {
		return nil
	}
	switch wanted.Kind() {
	case reflect.Interface:
		return nil
	case reflect.Pointer:
		if found == nil {
			return nil
		}
		return fit(wanted.Elem(), found, path)
	case reflect.Struct:
		object, is := found.(map[string]any)
		if !is {
			return mismatch("an object", found, path)
		}
		return fitFields(wanted, object, path)
	case reflect.Map:
		return fitMap(wanted, found, path)
	case reflect.Slice, reflect.Array:
		return fitList(wanted, found, path)
	default:
		return fitScalar(wanted, found, path)
	}
}

func fitFields(wanted reflect.Type, object map[string]any, path string) error {
	for i := range wanted.NumField() {
		field := wanted.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if field.Anonymous && name == "" && field.Type.Kind() == reflect.Struct {
			if err := fitFields(field.Type, object, path); err != nil {
				return err
			}
			continue
		}
		if !field.IsExported() || field.Anonymous && name == "" || name == "-" && options == "" {
			continue
		}
		if name == "" {
			name = field.Name
		}
		inner := strings.TrimPrefix(path+"."+name, ".")
		listed := strings.Split(options, ",")
		found, there := object[name]
		switch {
		case there && !slices.Contains(listed, "string"):
			if err := fit(field.Type, found, inner); err != nil {
				return err
			}
		case there || field.Type.Kind() == reflect.Pointer:
		case slices.Contains(listed, "omitempty") || slices.Contains(listed, "omitzero"):
		default:
			return fmt.Errorf("%s: missing", inner)
		}
	}
	return nil
}

func fitMap(wanted reflect.Type, found any, path string) error {
	object, is := found.(map[string]any)
	if !is && found != nil {
		return mismatch("an object", found, path)
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if err := fit(wanted.Elem(), object[name], strings.TrimPrefix(path+"."+name, ".")); err != nil {
			return err
		}
	}
	return nil
}

func fitList(wanted reflect.Type, found any, path string) error {
	isSlice := wanted.Kind() == reflect.Slice
	if isSlice && (found == nil || wanted.Elem().Kind() == reflect.Uint8) {
		return nil
	}
	list, is := found.([]any)
	if !is {
		return mismatch("a list", found, path)
	}
	if !isSlice && len(list) != wanted.Len() {
		return fmt.Errorf("%s: expected a list of %d, found one of %d", path, wanted.Len(), len(list))
	}
	for i, element := range list {
		if err := fit(wanted.Elem(), element, fmt.Sprintf("%s[%d]", path, i)); err != nil {
			return err
		}
	}
	return nil
}

func fitScalar(wanted reflect.Type, found any, path string) error {
	literal, isNumber := found.(json.Number)
	text := string(literal)
	switch kind := wanted.Kind(); kind {
	case reflect.String:
		if _, is := found.(string); !is && !(isNumber && wanted == number) {
			return mismatch("a text", found, path)
		}
	case reflect.Bool:
		if _, is := found.(bool); !is {
			return mismatch("true or false", found, path)
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if _, err := strconv.ParseInt(text, 10, wanted.Bits()); err != nil {
			return mismatch("an integer ("+kind.String()+")", found, path)
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if _, err := strconv.ParseUint(text, 10, wanted.Bits()); err != nil {
			return mismatch("an integer from 0 ("+kind.String()+")", found, path)
		}
	case reflect.Float32, reflect.Float64:
		if _, err := strconv.ParseFloat(text, wanted.Bits()); err != nil {
			return mismatch("a number ("+kind.String()+")", found, path)
		}
	}
	return nil
}

func mismatch(expected string, found any, path string) error {
	if path != "" {
		path += ": "
	}
	return fmt.Errorf("%sexpected %s, found %s", path, expected, shown(found))
}

// shown is a value in a few words: a payload may be large, and a reason is for people.
func shown(found any) string {
	switch found := found.(type) {
	case nil:
		return "null"
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	case string:
		if characters := []rune(found); len(characters) > 40 {
			return strconv.Quote(string(characters[:40])) + "…"
		}
		return strconv.Quote(found)
	default:
		return fmt.Sprint(found)
	}
}
