"""Read, show, export and erase the calls that the DynamoDB table of a stack stores."""
