namespace Dkim.ProxyHost.Dialogue;

/// <summary>How far a conversation has come.</summary>
internal enum Phase
{
    /// <summary>The relay has not greeted yet.</summary>
    Greeting,

    /// <summary>Commands and replies.</summary>
    Commands,

    /// <summary>The client sends a message; the relay waits for it.</summary>
    Message,

    /// <summary>A whole message is here: <see cref="SmtpDialogue.Deliver"/> or <see cref="SmtpDialogue.Refuse"/>
    /// it.</summary>
    Deciding,

    /// <summary>The message is being sent to the relay, up to <see cref="SmtpDialogue.Delivered"/>.</summary>
    Delivering,

    /// <summary>The final dot was sent; the relay's answer is awaited.</summary>
    Final,

    /// <summary>A message was refused and the relay is to be dropped; the client may still say QUIT.</summary>
    Parting,

    /// <summary>Send what is left for the client and close both sides.</summary>
    Closed,
}
