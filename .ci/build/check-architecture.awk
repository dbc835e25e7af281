# Reads samconfig.toml, and fails where an environment's deploy names another Architecture than its
# build, as after `sam deploy --guided` was told one that `sam build` was not.
# The variable `default` holds the template's default.

/^\[/ {
	split(substr($1, 2), part, ".")
	environment = part[1]
	command = part[2]
	seen[environment]
}
!/^ *#/ && match($0, /Architecture(=|,ParameterValue=)[\\"]*(arm64|x86_64)/) {
	value = substr($0, RSTART, RLENGTH)
	named[environment, command] = value ~ /x86_64/ ? "x86_64" : "arm64"
}

function architecture(environment, command) {
	if ((environment, command) in named) return named[environment, command]
	if ((environment, "global") in named) return named[environment, "global"]
	return default
}

END {
	for (environment in seen) {
		built = architecture(environment, "build")
		deployed = architecture(environment, "deploy")
		if (built != deployed) {
			printf "samconfig.toml, environment \"%s\": sam build compiles for %s, but sam deploy says Architecture=%s. ", environment, built, deployed
			printf "Let parameter_overrides of [%s.build.parameters] and [%s.deploy.parameters] name the same.\n", environment, environment
			wrong = 1
		}
	}
	exit wrong
}
