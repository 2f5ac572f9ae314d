"""The description of the interface as an OpenAPI 3.1 document, made from the tables that the service runs by.

Methods, fields and answers tell what they are where they stand: in ``METHODS``, in the schemas of requests and
answers, and in the table of statuses. Only the examples (``examples/``, a file for each method) and the
introduction stand here. Tests ask every example of a service and compare the answers with what is printed.
"""
