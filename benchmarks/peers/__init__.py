"""One module per peer, all with the same names; what a peer cannot do is left out and noted.

Constants (literals: the driver reads them from the text, without importing the peer):

    TITLE          its name in the tables
    DISTRIBUTION   its name on the package index
    ENTRY          the entries its figures use
    SOURCE         a program that decorates one function and does nothing else
    EXTRA          what its environment needs beside it (kept out of its size)
    SKIP           figure -> why there is none
    NOTES          figure -> what to know about it

Functions:

    decorate(fn)               decoration alone, where that is less than a declaration
    declare(fn)                decoration and schema
    document(declared)         {name, description, parameters} as a model is sent it
    dispatch(fn)               args -> result: find, check, call
    dispatch_async(fn)         args -> an awaitable of the result, for an async function
    value(result)              what the body returned, out of a result
    hold(fns), hold_lazy(fns)  what keeps these tools: all declared, none declared yet
    register(fns)              a registry of these tools
    listing(registry)          what a session sends for all of them
    lookup(registry)           name -> tool
    loop(fn)                   turns -> the number of tool calls the peer's own loop made

Where ``dispatch`` or ``lookup`` give a coroutine function, and where ``listing``
is one, it is awaited inside one running event loop.
"""
