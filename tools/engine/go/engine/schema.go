package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	shim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim"
)

// The parts of a Pulumi package schema that say which names and types a plugin understands.
type (
	packageSpec struct {
		Name      string                  `json:"name"`
		Version   string                  `json:"version"`
		Meta      metaSpec                `json:"meta"`
		Config    map[string]any          `json:"config"`
		Provider  resourceSpec            `json:"provider"`
		Resources map[string]resourceSpec `json:"resources"`
		Functions map[string]functionSpec `json:"functions"`
		Types     map[string]objectSpec   `json:"types"`
	}
	metaSpec struct {
		ModuleFormat string `json:"moduleFormat"`
	}
	resourceSpec struct {
		Properties      map[string]propertySpec `json:"properties,omitempty"`
		InputProperties map[string]propertySpec `json:"inputProperties,omitempty"`
		RequiredInputs  []string                `json:"requiredInputs,omitempty"`
	}
	functionSpec struct {
		Inputs  objectSpec `json:"inputs"`
		Outputs objectSpec `json:"outputs"`
	}
	objectSpec struct {
		Type       string                  `json:"type"`
		Properties map[string]propertySpec `json:"properties"`
		Required   []string                `json:"required,omitempty"`
	}
	propertySpec struct {
		Type                 string        `json:"type,omitempty"`
		Ref                  string        `json:"$ref,omitempty"`
		Items                *propertySpec `json:"items,omitempty"`
		AdditionalProperties *propertySpec `json:"additionalProperties,omitempty"`
		Secret               bool          `json:"secret,omitempty"`
	}
)

type schemaWriter struct{ types map[string]objectSpec }

// packageSchema describes the tokens in the plugin's tables with the names that the bridge uses.
func packageSchema(info tfbridge.ProviderInfo) ([]byte, error) {
	w := schemaWriter{types: map[string]objectSpec{}}
	provider, required := w.inputs(info.Name+":index/provider", info.P.Schema(), info.Config)
	spec := packageSpec{
		Name: info.Name, Version: info.Version,
		// The module of aws:rds/instance:Instance is rds, as with all bridged plugins.
		Meta:      metaSpec{ModuleFormat: "(.*)(?:/[^/]*)"},
		Config:    map[string]any{"variables": provider},
		Provider:  resourceSpec{InputProperties: provider, RequiredInputs: required},
		Resources: map[string]resourceSpec{},
		Functions: map[string]functionSpec{},
		Types:     w.types,
	}
	for tf, res := range info.Resources {
		schema := info.P.ResourcesMap().Get(tf).Schema()
		inputs, required := w.inputs(string(res.Tok), schema, res.Fields)
		spec.Resources[string(res.Tok)] = resourceSpec{
			Properties:      w.properties(string(res.Tok), schema, res.Fields, false),
			InputProperties: inputs, RequiredInputs: required,
		}
	}
	for tf, fn := range info.DataSources {
		schema := info.P.DataSourcesMap().Get(tf).Schema()
		inputs, required := w.inputs(string(fn.Tok), schema, fn.Fields)
		outputs := w.properties(string(fn.Tok), schema, fn.Fields, false)
		spec.Functions[string(fn.Tok)] = functionSpec{
			Inputs:  objectSpec{Type: "object", Properties: inputs, Required: required},
			Outputs: objectSpec{Type: "object", Properties: outputs},
		}
	}
	return json.Marshal(spec)
}

func (w schemaWriter) inputs(
	path string, schema shim.SchemaMap, fields map[string]*tfbridge.SchemaInfo,
) (map[string]propertySpec, []string) {
	return w.properties(path, schema, fields, true), requiredInputs(schema, fields)
}

func requiredInputs(schema shim.SchemaMap, fields map[string]*tfbridge.SchemaInfo) []string {
	var required []string
	schema.Range(func(key string, s shim.Schema) bool {
		// What is named automatically may be left out.
		if info := fields[key]; s.Required() && (info == nil || info.Default == nil) {
			required = append(required, tfbridge.TerraformToPulumiNameV2(key, schema, fields))
		}
		return true
	})
	return required
}

func (w schemaWriter) properties(
	path string, schema shim.SchemaMap, fields map[string]*tfbridge.SchemaInfo, inputs bool,
) map[string]propertySpec {
	properties := map[string]propertySpec{}
	schema.Range(func(key string, s shim.Schema) bool {
		// The fields of an object that is an attribute are neither optional, required nor computed.
		if inputs && s.Computed() && !s.Optional() {
			return true
		}
		name := tfbridge.TerraformToPulumiNameV2(key, schema, fields)
		property := w.property(path+"/"+name, s, fields[key], inputs)
		property.Secret = s.Sensitive()
		properties[name] = property
		return true
	})
	return properties
}

func (w schemaWriter) property(
	path string, s shim.Schema, info *tfbridge.SchemaInfo, inputs bool,
) propertySpec {
	element := propertySpec{Ref: "pulumi.json#/Any"}
	switch elem := s.Elem().(type) {
	case shim.Resource:
		element = w.object(path, elem, info, inputs)
	case shim.Schema:
		element = w.property(path, elem, nil, inputs)
	}
	switch s.Type() {
	case shim.TypeBool:
		return propertySpec{Type: "boolean"}
	case shim.TypeInt:
		return propertySpec{Type: "integer"}
	case shim.TypeFloat:
		return propertySpec{Type: "number"}
	case shim.TypeString:
		if info != nil && info.Type != "" {
			return propertySpec{Type: string(info.Type)}
		}
		return propertySpec{Type: "string"}
	case shim.TypeList, shim.TypeSet:
		if tfbridge.IsMaxItemsOne(s, info) {
			return element
		}
		return propertySpec{Type: "array", Items: &element}
	case shim.TypeMap:
		if _, object := s.Elem().(shim.Resource); object {
			return element
		}
		return propertySpec{Type: "object", AdditionalProperties: &element}
	default:
		return propertySpec{Ref: "pulumi.json#/Any"}
	}
}

// object registers a nested type; the inputs and the outputs of a resource have one each, since
// what only the cloud sets is no input.
func (w schemaWriter) object(
	path string, elem shim.Resource, info *tfbridge.SchemaInfo, inputs bool,
) propertySpec {
	var fields map[string]*tfbridge.SchemaInfo
	if info != nil && info.Elem != nil {
		fields = info.Elem.Fields
	}
	direction := "Output"
	if inputs {
		direction = "Input"
	}
	name, module := strings.Builder{}, strings.SplitN(path, ":", 3)
	for part := range strings.SplitSeq(strings.Join(module[1:], "/"), "/") {
		fmt.Fprintf(&name, "%s%s", strings.ToUpper(part[:1]), part[1:])
	}
	token := fmt.Sprintf("%s:index/%s%s:%s%s", module[0], name.String(), direction, name.String(), direction)
	w.types[token] = objectSpec{
		Type:       "object",
		Properties: w.properties(path, elem.Schema(), fields, inputs),
		Required:   requiredInputs(elem.Schema(), fields),
	}
	return propertySpec{Ref: "#/types/" + token}
}
