package harness

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"
)

// Update is the flag with which tests write what is made of their results: golden files, tables
// and pictures of the documentation. Some measure longer then.
var Update = flag.Bool("update", false, "write golden files, tables and pictures anew")

// Root returns the repository's folder: the nearest one upwards that has a go.mod.
var Root = sync.OnceValue(func() string {
	folder, err := os.Getwd()
	for ; err == nil; folder = filepath.Dir(folder) {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder
		}
		if folder == filepath.Dir(folder) {
			break
		}
	}
	panic("no go.mod above this folder")
})

// Read returns a file of the repository.
func Read(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(Root(), name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Tool returns the path of a program that `make test` installs. Where it is missing the test is
// skipped, so that `go test ./...` needs Go only; with TOOLS=required, as make sets it, the test fails.
func Tool(t testing.TB, name ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{Root()}, name...)...)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if os.Getenv("TOOLS") == "required" {
		t.Fatalf("%s is missing", path)
	}
	t.Skipf("%s is missing; make test installs it", path)
	return ""
}

// Template returns template.yaml with its short forms written out, as CloudFormation does: !Ref X is
// {Ref: X}, !GetAtt A.B is {Fn::GetAtt: A.B}. It is read once for all tests, which must not change it.
func Template(t testing.TB) map[string]any {
	t.Helper()
	template, err := readTemplate()
	if err != nil {
		t.Fatal(err)
	}
	return template
}

var readTemplate = sync.OnceValues(func() (map[string]any, error) {
	text, err := os.ReadFile(filepath.Join(Root(), "template.yaml"))
	if err != nil {
		return nil, err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	template, err := plain(document.Content[0])
	if err != nil {
		return nil, err
	}
	return template.(map[string]any), nil
})

func plain(node *yaml.Node) (value any, err error) {
	switch node.Kind {
	case yaml.MappingNode:
		fields := map[string]any{}
		for i := 0; i < len(node.Content); i += 2 {
			if fields[node.Content[i].Value], err = plain(node.Content[i+1]); err != nil {
				return nil, err
			}
		}
		value = fields
	case yaml.SequenceNode:
		list := make([]any, len(node.Content))
		for i, each := range node.Content {
			if list[i], err = plain(each); err != nil {
				return nil, err
			}
		}
		value = list
	default:
		tag := node.Tag
		if strings.HasPrefix(tag, "!") && !strings.HasPrefix(tag, "!!") {
			node.Tag = "!!str"
		}
		if err = node.Decode(&value); err != nil {
			return nil, fmt.Errorf("line %d: %w", node.Line, err)
		}
		node.Tag = tag
	}
	switch function, short := strings.CutPrefix(node.Tag, "!"); {
	case !short || strings.HasPrefix(node.Tag, "!!"):
		return value, nil
	case function == "Ref":
		return map[string]any{"Ref": value}, nil
	default:
		return map[string]any{"Fn::" + function: value}, nil
	}
}

// At follows a path of names and indices into a document.
func At(t testing.TB, document any, path ...any) any {
	t.Helper()
	for _, step := range path {
		switch step := step.(type) {
		case string:
			document = document.(map[string]any)[step]
		case int:
			document = document.([]any)[step]
		}
		if document == nil {
			t.Fatalf("the template has nothing at %v", path)
		}
	}
	return document
}

// Environment returns the variables that the deployed function has, with these parameters.
func Environment(t testing.TB, parameters map[string]string) map[string]string {
	t.Helper()
	environment := map[string]string{"AWS_LAMBDA_FUNCTION_NAME": FunctionName}
	for name, value := range At(t, Deployed(t, parameters), "ReleaseFunction", "Properties", "Environment", "Variables").(map[string]any) {
		environment[name] = value.(string)
	}
	return environment
}

// TerminatePattern returns the event pattern of the deployed rule.
func TerminatePattern(t testing.TB) []byte {
	t.Helper()
	pattern, err := json.Marshal(At(t, Deployed(t, nil), "TerminateEventsRule", "Properties", "EventPattern"))
	if err != nil {
		t.Fatal(err)
	}
	return pattern
}
