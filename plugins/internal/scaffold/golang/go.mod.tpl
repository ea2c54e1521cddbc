module [[ .Module ]]

go 1.22
