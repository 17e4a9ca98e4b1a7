-- Runs `script` after dialogue.lua; miltertest itself keeps the reason of a failure to itself.
local folder = script:match("^(.*/)")
local good, reason = pcall(function()
    dofile(folder .. "dialogue.lua")
    dofile(script)
end)
if not good then
    mt.echo(tostring(reason))
    error(reason)
end
