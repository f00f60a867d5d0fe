package main

import (
	"context"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/terraform-providers/terraform-provider-random/engineshim"
)

// Set by the linker to the version of @pulumi/random.
var randomVersion string

var randomPlugin = bridged{
	version: randomVersion,
	server:  func(context.Context) (func() tfprotov5.ProviderServer, error) { return engineshim.Server(), nil },
	resources: map[string]string{
		"random_bytes":    "random:index/randomBytes:RandomBytes",
		"random_id":       "random:index/randomId:RandomId",
		"random_integer":  "random:index/randomInteger:RandomInteger",
		"random_password": "random:index/randomPassword:RandomPassword",
		"random_pet":      "random:index/randomPet:RandomPet",
		"random_string":   "random:index/randomString:RandomString",
		"random_uuid":     "random:index/randomUuid:RandomUuid",
	},
}
