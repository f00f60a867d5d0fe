package main

import (
	"context"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/terraform-providers/terraform-provider-postgresql/postgresql"
)

// Set by the linker to the version of @pulumi/postgresql.
var postgresqlVersion string

var postgresqlPlugin = bridged{
	version: postgresqlVersion,
	server: func(context.Context) (func() tfprotov5.ProviderServer, error) {
		return func() tfprotov5.ProviderServer { return postgresql.Provider().GRPCProvider() }, nil
	},
	resources: map[string]string{
		"postgresql_database":           "postgresql:index/database:Database",
		"postgresql_default_privileges": "postgresql:index/defaultPrivileges:DefaultPrivileges",
		"postgresql_extension":          "postgresql:index/extension:Extension",
		"postgresql_grant":              "postgresql:index/grant:Grant",
		"postgresql_grant_role":         "postgresql:index/grantRole:GrantRole",
		"postgresql_role":               "postgresql:index/role:Role",
		"postgresql_schema":             "postgresql:index/schema:Schema",
	},
}
