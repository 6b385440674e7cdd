// Records what Kubernetes' own types make of values: each field of each built-in kind is given null, empty and odd
// values, read from JSON, written in binary as etcd keeps it, read again and written as JSON.
//
// Printed is a line per field, as JSON: the kind, the way to the field, then for each value what stands in its place
// ([in] for nothing, [in, out] for a value, [in, null, error] where it is refused).
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	jsonserializer "k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes/scheme"
)

// What is given to a field of each type, beside null.
var values = map[string][]string{
	"string":   {`""`, `"x"`, `1`, `true`, `[]`, `{}`},
	"int":      {`0`, `1`, `1.0`, `1e3`, `1.5`, `"1"`, `3000000000`, `99999999999999999999`, `true`},
	"bool":     {`false`, `true`, `"true"`, `0`},
	"float":    {`0`, `1`, `1.5`, `"1"`},
	"list":     {`[]`, `[null]`, `{}`, `"x"`, `[[]]`, `[1]`},
	"map":      {`{}`, `{"k":null}`, `{"k":""}`, `{"k":1}`, `[]`, `""`},
	"struct":   {`{}`, `[]`, `"x"`, `1`},
	"bytes":    {`""`, `"aGVsbG8="`, `"aGVs\nbG8=\n"`, `"a"`, `"é"`, `1`},
	"raw":      {`{}`, `{"a":null,"b":[]}`, `"x"`, `1`, `[]`},
	"quantity": {`""`, `"0"`, `0`, `1`, `0.5`, `"1000m"`, `"0.5"`, `"1024Mi"`, `"1.5Gi"`, `"1e3"`, `"x"`, `"1 "`, `"-1"`, `true`, `[]`},
	"port":     {`""`, `0`, `80`, `"80"`, `"http"`, `1.5`, `3000000000`, `true`, `{}`},
	"time":     {`""`, `"2020-01-01T00:00:00Z"`, `"2020-01-01T00:00:00+02:00"`, `"2020-01-01T00:00:00.5Z"`, `"2020-01-01"`, `"0001-01-01T00:00:00Z"`, `1`},
	"micro":    {`""`, `"2020-01-01T00:00:00.000000Z"`, `"2020-01-01T00:00:00.123456+02:00"`, `"2020-01-01T00:00:00Z"`, `"2020-01-01T00:00:00.5Z"`, `1`},
}

func class(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t {
	case reflect.TypeOf(resource.Quantity{}):
		return "quantity"
	case reflect.TypeOf(intstr.IntOrString{}):
		return "port"
	case reflect.TypeOf(metav1.Time{}):
		return "time"
	case reflect.TypeOf(metav1.MicroTime{}):
		return "micro"
	case reflect.TypeOf(runtime.RawExtension{}), reflect.TypeOf(metav1.FieldsV1{}):
		return "raw"
	case reflect.TypeOf(apiextensions.JSON{}), reflect.TypeOf(apiextensions.JSONSchemaPropsOrBool{}),
		reflect.TypeOf(apiextensions.JSONSchemaPropsOrArray{}), reflect.TypeOf(apiextensions.JSONSchemaPropsOrStringArray{}):
		return ""
	}
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "bool"
	case reflect.Float64:
		return "float"
	case reflect.Struct:
		return "struct"
	case reflect.Map:
		return "map"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "bytes"
		}
		return "list"
	case reflect.Interface:
		return ""
	}
	return "int"
}

type field struct {
	path []string // "name" for a field, "[]" for an item, "{}" for the value of a key
	t    reflect.Type
}

// Fields of everything below t; each structure is looked into where it is first met.
func walk(t reflect.Type, path []string, seen map[reflect.Type]bool, found *[]field) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch class(t) {
	case "struct":
		if seen[t] {
			return
		}
		seen[t] = true
		fields(t, path, seen, found)
	case "list":
		below := append(append([]string{}, path...), "[]")
		*found = append(*found, field{below, t.Elem()})
		walk(t.Elem(), below, seen, found)
	case "map":
		below := append(append([]string{}, path...), "{}")
		*found = append(*found, field{below, t.Elem()})
		walk(t.Elem(), below, seen, found)
	}
}

func fields(t reflect.Type, path []string, seen map[reflect.Type]bool, found *[]field) {
	for i := 0; i < t.NumField(); i++ {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		name := strings.Split(tag, ",")[0]
		if name == "-" || f.Type == reflect.TypeOf(metav1.TypeMeta{}) {
			continue
		}
		if name == "" {
			fields(f.Type, path, seen, found)
			continue
		}
		below := append(append([]string{}, path...), name)
		*found = append(*found, field{below, f.Type})
		walk(f.Type, below, seen, found)
	}
}

func build(path []string, value json.RawMessage) json.RawMessage {
	for i := len(path) - 1; i >= 0; i-- {
		switch path[i] {
		case "[]":
			value = json.RawMessage("[" + string(value) + "]")
		case "{}":
			value = json.RawMessage(`{"k":` + string(value) + "}")
		default:
			value = json.RawMessage(fmt.Sprintf("{%q:%s}", path[i], value))
		}
	}
	return value
}

func at(value any, path []string) (any, bool) {
	for _, step := range path {
		switch step {
		case "[]":
			list, ok := value.([]any)
			if !ok || len(list) == 0 {
				return nil, false
			}
			value = list[0]
		default:
			key := step
			if step == "{}" {
				key = "k"
			}
			object, ok := value.(map[string]any)
			if !ok {
				return nil, false
			}
			if value, ok = object[key]; !ok {
				return nil, false
			}
		}
	}
	return value, true
}

func main() {
	apiextensions.AddToScheme(scheme.Scheme)
	reader := jsonserializer.NewSerializerWithOptions(jsonserializer.DefaultMetaFactory, scheme.Scheme, scheme.Scheme, jsonserializer.SerializerOptions{})
	binary := protobuf.NewSerializer(scheme.Scheme, scheme.Scheme)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	seen := map[reflect.Type]bool{}
	var kinds []schema.GroupVersionKind
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		kinds = append(kinds, schema.FromAPIVersionAndKind(words[0], words[1]))
	}
	sort.Slice(kinds, func(i, j int) bool { return kinds[i].String() < kinds[j].String() })
	for _, kind := range kinds {
		object, err := scheme.Scheme.New(kind)
		if err != nil {
			panic(err)
		}
		version, name := kind.ToAPIVersionAndKind()
		all := []field{{nil, reflect.TypeOf(object).Elem()}}
		walk(reflect.TypeOf(object).Elem(), nil, seen, &all)
		for _, f := range all {
			given := append([]string{"null"}, values[class(f.t)]...)
			if f.t.Kind() == reflect.Map && class(f.t.Elem()) == "" {
				given = []string{"null", "{}"}
			}
			if f.path == nil {
				given = []string{"{}"}
			}
			var answers [][]any
			for _, value := range given {
				body := build(f.path, json.RawMessage(value))
				answer := []any{json.RawMessage(value)}
				decoded, _, err := reader.Decode(body, &kind, nil)
				if err != nil {
					answers = append(answers, append(answer, nil, err.Error()))
					continue
				}
				decoded.GetObjectKind().SetGroupVersionKind(kind)
				var buffer strings.Builder
				if err := binary.Encode(decoded, &buffer); err != nil {
					panic(err)
				}
				again, _, err := binary.Decode([]byte(buffer.String()), nil, nil)
				if err != nil {
					panic(err)
				}
				text, err := json.Marshal(again)
				if err != nil {
					panic(err)
				}
				var whole any
				json.Unmarshal(text, &whole)
				delete(whole.(map[string]any), "apiVersion")
				delete(whole.(map[string]any), "kind")
				if found, ok := at(whole, f.path); ok {
					answer = append(answer, found)
				}
				answers = append(answers, answer)
			}
			line, err := json.Marshal([]any{version, name, strings.Join(f.path, "."), answers})
			if err != nil {
				panic(err)
			}
			out.Write(append(line, '\n'))
		}
	}
}
