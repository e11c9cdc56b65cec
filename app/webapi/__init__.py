"""ASP.NET Web API 2's rules as plain functions of strings and values.

A leaf: nothing here knows Flask, the store or ChargeProcess. Names are the original's
(aspnet/AspNetWebStack), so that both can be read side by side.
"""
