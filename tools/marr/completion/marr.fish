# Completion of marr for fish: marr completion fish >~/.config/fish/completions/marr.fish
function __marr_complete
    set -l words (commandline -opc) (commandline -ct)
    $words[1] __complete $words[2..-1] 2>/dev/null
end
complete -c marr -n 'count (__marr_complete) >/dev/null' -f -k -a '(__marr_complete)'
