-- Run: runghc examples/languages/Hello.hs http://localhost:9876
-- With http-conduit and base64-bytestring, since GHC comes without HTTP.
{-# LANGUAGE OverloadedStrings #-}

import qualified Data.ByteString as Bytes
import qualified Data.ByteString.Base64 as Base64
import qualified Data.ByteString.Lazy.Char8 as Lazy
import Data.Maybe (fromMaybe, listToMaybe)
import Network.HTTP.Simple
import System.Environment (getArgs)

main :: IO ()
main = do
  url <- fromMaybe "http://localhost:9876" . listToMaybe <$> getArgs
  code <- Bytes.readFile "examples/languages/hello.py"
  request <- parseRequestThrow ("POST " ++ url ++ "/hello")
  answer <-
    httpLBS $
      setRequestBodyURLEncoded
        [("code_b64", Base64.encode code), ("kwargs_b64", "{\"name\": \"Haskell\"}")]
        request
  Lazy.putStrLn (getResponseBody answer)
