package main

import (
	"strings"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
)

// overrides maps properties to what is special about them; the Terraform names of nested ones are
// joined with dots.
type overrides map[string]override

type override func(*tfbridge.SchemaInfo)

// single is a block of which there is at most one, without Terraform's schema saying so.
func single(info *tfbridge.SchemaInfo) { one := true; info.MaxItemsOne = &one }

// boolean is a text in Terraform that can only be "true" or "false".
func boolean(info *tfbridge.SchemaInfo) { info.Type = "boolean" }

// named has a Pulumi name that does not follow from the Terraform one.
func named(name string) override {
	return func(info *tfbridge.SchemaInfo) { info.Name = name }
}

// autoNamed is a name of so many characters, which is made from the resource's when left out. The
// bridge does this by itself only for what Terraform, too, calls "name".
func autoNamed(name string, maxLength int) override {
	return func(info *tfbridge.SchemaInfo) { *info = *tfbridge.AutoName(name, maxLength, "-") }
}

func (o overrides) schemaInfos() map[string]*tfbridge.SchemaInfo {
	fields := map[string]*tfbridge.SchemaInfo{}
	for path, apply := range o {
		at, names := fields, strings.Split(path, ".")
		for depth, name := range names {
			if at[name] == nil {
				at[name] = &tfbridge.SchemaInfo{}
			}
			if depth == len(names)-1 {
				apply(at[name])
				break
			}
			if at[name].Elem == nil {
				at[name].Elem = &tfbridge.SchemaInfo{Fields: map[string]*tfbridge.SchemaInfo{}}
			}
			at = at[name].Elem.Fields
		}
	}
	return fields
}
