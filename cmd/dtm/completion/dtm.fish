# fish completion for dtm: dtm completion fish | source
function __dtm_complete
    set -l words (commandline -opc) (commandline -ct)
    dtm __complete -- $words[2..-1] 2>/dev/null
end
complete -c dtm -a '(__dtm_complete)'
