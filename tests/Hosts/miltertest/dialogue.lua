-- What the scripts share: a message with a usual header, passed to the filter at `socket`, and checks of what it did.

-- The fields of the usual message, in order; a script changes a copy by `with` and `without`. `author`, `signature` and
-- the like come from the lines at the top of a script (see ScriptTests.cs).
FIELDS = {
    { "From", author or "Joe <joe@example.org>" },
    { "To", "ann@example.com" },
    { "Subject", "a test" },
    { "Date", "Fri, 20 Nov 2026 12:00:00 +0000" },
    { "Message-ID", "<1@example.org>" },
}
BODY = "One line.\r\nAnother.\r\n"
JOB = "4Q1234"

-- Where a field goes that is to stand above all others.
INSERT_TOP = 0

local connection

-- The fields without those of one name.
function without(fields, name)
    local kept = {}
    for _, field in ipairs(fields) do
        if field[1] ~= name then kept[#kept + 1] = field end
    end
    return kept
end

-- The fields with one more, on top.
function with(fields, name, value)
    local more = { { name, value } }
    for _, field in ipairs(fields) do more[#more + 1] = field end
    return more
end

local function done(reply)
    return reply ~= SMFIR_CONTINUE and reply ~= SMFIR_SKIP
end

-- Passes a message and returns the last reply and the stage that it came at. What a script may say of it:
-- host, ip, macros (of the connection), from, to (a list), id, auth, fields, body (a text, or a list of chunks).
function pass(message)
    connection = mt.connect(socket, 100, 0.05) or error("no connection to " .. socket)
    local function say(stage, failure)
        if failure ~= nil then error(stage .. ": " .. failure) end
        return mt.getreply(connection)
    end
    local macros = { "j", "mx.example.net", "{daemon_name}", message.daemon or "MTA" }
    for name, value in pairs(message.macros or {}) do
        macros[#macros + 1] = name
        macros[#macros + 1] = value
    end
    if mt.negotiate(connection, 6, nil, nil) ~= nil then error("negotiation failed") end
    mt.macro(connection, SMFIC_CONNECT, table.unpack(macros))
    local reply = say("connect", mt.conninfo(connection, message.host or "client.example.org", message.ip or "127.0.0.1"))
    if done(reply) then return reply, "connect" end
    if not mt.test_option(connection, SMFIP_NOHELO) then say("helo", mt.helo(connection, "client.example.org")) end
    local named = { "i", message.id or JOB }
    if message.auth then named[3], named[4] = "{auth_type}", message.auth end
    mt.macro(connection, SMFIC_MAIL, table.unpack(named))
    reply = say("mail", mt.mailfrom(connection, message.from or "<joe@example.org>"))
    if done(reply) then return reply, "mail" end
    for _, address in ipairs(message.to or { "<ann@example.com>" }) do
        reply = say("rcpt", mt.rcptto(connection, address))
        if done(reply) then return reply, "rcpt" end
    end
    if not mt.test_option(connection, SMFIP_NODATA) then say("data", mt.data(connection)) end
    for _, field in ipairs(message.fields or FIELDS) do
        reply = say("header", mt.header(connection, field[1], field[2]))
        if done(reply) then return reply, "header" end
    end
    reply = say("eoh", mt.eoh(connection))
    if done(reply) then return reply, "eoh" end
    local body = message.body or BODY
    for _, chunk in ipairs(type(body) == "table" and body or { body }) do
        reply = say("body", mt.bodystring(connection, chunk))
        if done(reply) then return reply, "body" end
        if reply == SMFIR_SKIP then break end
    end
    return say("eom", mt.eom(connection)), "eom", reply
end

local names = {
    [SMFIR_ACCEPT] = "accept", [SMFIR_CONTINUE] = "continue", [SMFIR_DISCARD] = "discard", [SMFIR_REJECT] = "reject",
    [SMFIR_TEMPFAIL] = "tempfail", [SMFIR_REPLYCODE] = "reply",
}

-- Fails unless the reply is this one. At the end of a message, continue and accept are the same.
function expect(wanted, reply, stage)
    if wanted == SMFIR_ACCEPT and reply == SMFIR_CONTINUE and (stage == nil or stage == "eom") then return end
    if reply ~= wanted then
        error("expected " .. (names[wanted] or wanted) .. ", got " .. (names[reply] or tostring(reply)) .. " at "
            .. tostring(stage), 2)
    end
end

function check(holds, what)
    if not holds then error(what, 2) end
end

-- The value of a field that the filter inserted, unfolded and without the space after the colon; nil for none.
function inserted(name, number)
    local value = mt.getheader(connection, name, number or 0)
    if value == nil then return nil end
    return (value:gsub("\r?\n[ \t]+", " "):gsub("^ ", ""))
end

function inserted_at(name, index)
    return mt.eom_check(connection, MT_HDRINSERT, name, mt.getheader(connection, name, 0), index)
end

function deleted(name)
    return mt.eom_check(connection, MT_HDRDELETE, name)
end

function quarantined(reason)
    if reason then return mt.eom_check(connection, MT_QUARANTINE, reason) end
    return mt.eom_check(connection, MT_QUARANTINE)
end

function answered(code, enhanced, text)
    return mt.eom_check(connection, MT_SMTPREPLY, code, enhanced, text)
end

-- Nothing is done to the message.
function untouched()
    for _, change in ipairs({ MT_HDRINSERT, MT_HDRADD, MT_HDRCHANGE, MT_HDRDELETE, MT_QUARANTINE }) do
        if mt.eom_check(connection, change) then error("the message was changed", 2) end
    end
end

-- A tag of the signature that the filter inserted.
function tag(name, number)
    local signature = inserted("DKIM-Signature", number) or error("no signature", 2)
    for word, value in ("; " .. signature):gmatch(";%s*(%a+)=([^;]*)") do
        if word == name then return value:match("^%s*(.-)%s*$") end
    end
    return nil
end

-- The Authentication-Results that the filter inserted; fails unless it has this text.
function results(text)
    local value = inserted("Authentication-Results") or error("no Authentication-Results", 2)
    if text and not value:find(text, 1, true) then error("Authentication-Results: " .. value, 2) end
    return value
end

function signed() return inserted("DKIM-Signature") ~= nil end
