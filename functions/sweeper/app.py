"""Close calls whose end was never reported; a schedule asks for it every few minutes."""

import session_end.app
from aiflow import sweeper

lambda_handler = sweeper(session_end.app.lambda_handler)
